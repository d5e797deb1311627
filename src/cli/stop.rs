//! The word to stop: SIGTERM, or Ctrl-C.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Becomes true when this process is told to stop; `told` is called before.
pub fn when_told(told: impl FnOnce() + Send + 'static) -> std::io::Result<watch::Receiver<bool>> {
    let (stop, stopped) = watch::channel(false);
    let mut ends = signal(SignalKind::terminate())?;
    let mut breaks = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = ends.recv() => {}
            _ = breaks.recv() => {}
        }
        told();
        let _ = stop.send(true);
    });
    Ok(stopped)
}
