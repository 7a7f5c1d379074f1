//! A proxy that does as it is told, and remembers what it was asked.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What a proxy does with a request.
#[derive(Clone, Copy)]
pub(crate) enum Conduct {
    /// Answers with this status.
    Answer(&'static str),
    /// Opens a tunnel, always to the same server.
    Tunnel(SocketAddr),
    /// Closes the connection.
    HangUp,
    /// Nothing, until the client has had enough.
    Silence,
}

/// A proxy on loopback. Lives as long as the test program.
pub(crate) struct Proxy {
    address: SocketAddr,
    /// The heads of the requests.
    seen: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
}

impl Proxy {
    pub(crate) fn start(conduct: Conduct) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self { address: listener.local_addr().unwrap(), seen: Arc::default(), connections: Arc::default() };
        let (seen, connections) = (Arc::clone(&proxy.seen), Arc::clone(&proxy.connections));
        thread::spawn(move || {
            for socket in listener.incoming() {
                *connections.lock().unwrap() += 1;
                let (socket, seen) = (socket.unwrap(), Arc::clone(&seen));
                // A connection that ends early is the client's doing.
                thread::spawn(move || serve(&socket, conduct, &seen));
            }
        });
        proxy
    }

    /// Its URL, with this in front of the host.
    pub(crate) fn url(&self, login: &str) -> String {
        format!("http://{login}{}", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

fn serve(socket: &TcpStream, conduct: Conduct, seen: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut reader = BufReader::new(socket);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        seen.lock().unwrap().push(head);
        match conduct {
            Conduct::Answer(status) => {
                (&*socket).write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nno").as_bytes())?;
            }
            Conduct::Tunnel(server) => return tunnel(socket, &TcpStream::connect(server)?),
            Conduct::HangUp => return Ok(()),
            Conduct::Silence => return io::copy(&mut reader, &mut io::sink()).map(drop),
        }
    }
}

fn tunnel(client: &TcpStream, server: &TcpStream) -> io::Result<()> {
    (&*client).write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let pass_on = |mut from: &TcpStream, mut to: &TcpStream| {
        io::copy(&mut from, &mut to)?;
        to.shutdown(Shutdown::Write)
    };
    thread::scope(|scope| {
        let back = scope.spawn(|| pass_on(server, client));
        pass_on(client, server).and(back.join().unwrap())
    })
}
