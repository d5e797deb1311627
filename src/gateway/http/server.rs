//! Connections: so many at a time, and none that keeps the others waiting.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::{State, router};

/// How long requests that were begun may take when the server stops.
const FAREWELL: Duration = Duration::from_secs(30);
/// Streams of one HTTP/2 connection.
const STREAMS_MAX: u32 = 128;

/// Answers until it is told to stop; then what was begun.
pub async fn serve(listener: TcpListener, state: State) {
    let service = TowerToHyperService::new(router(state.clone()));
    let patience = Duration::from_secs(state.config.patience_seconds);
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(patience);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS_MAX);
    let places = Arc::new(Semaphore::new(state.config.connections_max));
    let (graceful, mut stop) = (GracefulShutdown::new(), state.stop.clone());
    loop {
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (Ok(place), Some(stream)) = (place, accept(accepted).await) else { continue };
        let (builder, service) = (builder.clone(), service.clone());
        let (state, watcher) = (state.clone(), graceful.watcher());
        tokio::spawn(async move {
            state.metrics.connections.fetch_add(1, Ordering::Relaxed);
            // Whoever says nothing at all has no place here.
            let mut stop = state.stop.clone();
            let mut first = [0];
            let spoken = tokio::select! {
                spoken = tokio::time::timeout(patience, stream.peek(&mut first)) => {
                    matches!(spoken, Ok(Ok(_)))
                }
                _ = stop.wait_for(|stop| *stop) => false,
            };
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            let watched = watcher.watch(connection.into_owned());
            if spoken && let Err(error) = watched.await {
                tracing::debug!(%error, "a connection broke off");
            }
            state.metrics.connections.fetch_sub(1, Ordering::Relaxed);
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(FAREWELL, graceful.shutdown()).await.is_err() {
        tracing::warn!("connections that were still open are closed");
    }
}

async fn accept(accepted: std::io::Result<(TcpStream, SocketAddr)>) -> Option<TcpStream> {
    match accepted {
        Ok((stream, _)) => {
            // Answers are short, and waited for.
            let _ = stream.set_nodelay(true);
            Some(stream)
        }
        Err(error) => {
            tracing::warn!(%error, "a connection could not be taken");
            // Too many open files, most likely: it passes.
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}
