//! Enough of HTTP/1.1 to listen: a request read whole, an answer written whole.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

/// A request: its first line, all of its head, and its body.
pub struct Request {
    pub line: String,
    pub head: String,
    pub body: String,
}

impl Request {
    /// Reads one request; none if the connection was closed.
    fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
        let (mut head, mut len) = (String::new(), 0);
        loop {
            let mut field = String::new();
            reader.read_line(&mut field).ok()?;
            if field.trim().is_empty() {
                break;
            }
            let (name, value) = field.split_once(':')?;
            if name.eq_ignore_ascii_case("content-length") {
                len = value.trim().parse().ok()?;
            }
            // One request a connection: the way is short.
            let is_of_connection = ["connection", "content-length", "transfer-encoding"]
                .iter()
                .any(|other| name.eq_ignore_ascii_case(other));
            let is_chunked = name.eq_ignore_ascii_case("transfer-encoding");
            assert!(!is_chunked, "bodies come with their length");
            if !is_of_connection {
                head.push_str(&field);
            }
        }
        let mut body = vec![0; len];
        reader.read_exact(&mut body).ok()?;
        Some(Self { line: line.trim().into(), head, body: String::from_utf8(body).ok()? })
    }

    /// The path that is asked for.
    pub fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }
}

/// Answers every request on a port of its own until the process ends. No answer: the line is dead.
pub fn listen(answer: impl Fn(&Request) -> Option<(u16, String)> + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let Some(request) = Request::read(&stream) else { continue };
            let Some((status, body)) = answer(&request) else { continue };
            let mut stream = stream;
            let len = body.len();
            // Whoever asked may be gone.
            let _ = write!(
                stream,
                "HTTP/1.1 {status} .\r\nContent-Type: application/json\r\nContent-Length: {len}\r\n\
                 Connection: close\r\n\r\n{body}"
            );
        }
    });
    address
}
