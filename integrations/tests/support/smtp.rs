//! A mail server of the tests' own, on this machine: it takes mails, or misbehaves at the step that it is told.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

/// A step of the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Greeting,
    Ehlo,
    Mail,
    Rcpt,
    Data,
    Message,
}

/// What it does at a step, instead of what it should.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Answers with this line.
    Says(&'static str),
    /// Closes the connection.
    Closes,
    /// Says nothing any more.
    Silent,
}

/// A mail as it came.
#[derive(Clone, Debug)]
pub struct Received {
    pub from: String,
    pub to: Vec<String>,
    pub data: String,
    /// Whether it was signed in, and how.
    pub auth: Option<String>,
}

impl Received {
    /// The first header with this name, unfolded.
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.data.split("\r\n\r\n").next()?.replace("\r\n ", " ");
        head.lines().find_map(|line| line.split_once(": ").filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()))
    }
}

#[derive(Default)]
struct Inner {
    received: Mutex<Vec<Received>>,
    faults: Mutex<VecDeque<(Step, Fault)>>,
    always: Mutex<Option<(Step, Fault)>>,
    /// Recipients that are answered with another line than 250.
    recipients: Mutex<Vec<(String, &'static str)>>,
    connections: Mutex<usize>,
}

/// The server.
#[derive(Clone, Default)]
pub struct MailServer {
    inner: Arc<Inner>,
    /// What its greeting offers.
    pub offers: Vec<&'static str>,
}

/// How a conversation ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    Quit,
    StartTls,
}

impl MailServer {
    /// A server in the open, on a port of its own.
    pub async fn start() -> (Self, SocketAddr) {
        let (server, listener) = (Self::default(), TcpListener::bind("127.0.0.1:0").await.expect("a port"));
        let address = listener.local_addr().expect("an address");
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serving.clone();
                tokio::spawn(async move { serving.converse(stream, true).await });
            }
        });
        (server, address)
    }

    /// What it does with the next connections, one after the other.
    pub fn then(&self, faults: impl IntoIterator<Item = (Step, Fault)>) {
        self.inner.faults.lock().unwrap().extend(faults);
    }

    /// What it does with every connection from now on.
    pub fn always(&self, fault: Option<(Step, Fault)>) {
        *self.inner.always.lock().unwrap() = fault;
    }

    /// Answers a recipient with another line.
    pub fn refuse(&self, recipient: &str, line: Option<&'static str>) {
        let mut recipients = self.inner.recipients.lock().unwrap();
        recipients.retain(|(known, _)| known != recipient);
        recipients.extend(line.map(|line| (recipient.to_owned(), line)));
    }

    /// The mails that it took.
    pub fn received(&self) -> Vec<Received> {
        self.inner.received.lock().unwrap().clone()
    }

    /// Waits until it has taken so many mails.
    pub async fn receives(&self, count: usize) -> Vec<Received> {
        for _ in 0..1_500 {
            if self.received().len() >= count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let received = self.received();
        assert!(received.len() >= count, "{count} mails were expected: {received:#?}");
        received
    }

    /// The connections that were made.
    pub fn connections(&self) -> usize {
        *self.inner.connections.lock().unwrap()
    }

    /// Holds one conversation.
    pub async fn converse<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S, greets: bool) -> Option<(Ended, S)> {
        let mut stream = BufReader::new(stream);
        let mut fault = None;
        if greets {
            *self.inner.connections.lock().unwrap() += 1;
            fault = self.inner.faults.lock().unwrap().pop_front().or(*self.inner.always.lock().unwrap());
            say(&mut stream, fault, Step::Greeting, "220 mail.example ESMTP").await?;
        }
        let (mut from, mut to, mut auth) = (String::new(), Vec::new(), None);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let line = line.trim_end();
            let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let inside = || line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(inside, _)| inside.to_owned()).unwrap_or_default();
            match word.as_str() {
                "EHLO" => {
                    let mut offers = vec!["mail.example", "8BITMIME"];
                    offers.extend(&self.offers);
                    let last = offers.len() - 1;
                    let answer: Vec<String> = offers.iter().enumerate().map(|(n, offer)| format!("250{}{offer}", if n == last { ' ' } else { '-' })).collect();
                    say(&mut stream, fault, Step::Ehlo, &answer.join("\r\n")).await?;
                }
                "STARTTLS" => {
                    say(&mut stream, None, Step::Ehlo, "220 go ahead").await?;
                    return Some((Ended::StartTls, stream.into_inner()));
                }
                "AUTH" => {
                    auth = Some(line.to_owned());
                    say(&mut stream, None, Step::Ehlo, "235 welcome").await?;
                }
                "MAIL" => {
                    from = inside();
                    say(&mut stream, fault, Step::Mail, "250 ok").await?;
                }
                "RCPT" => {
                    let recipient = inside();
                    let other = self.inner.recipients.lock().unwrap().iter().find(|(known, _)| *known == recipient).map(|(_, line)| *line);
                    if other.is_none() {
                        to.push(recipient);
                    }
                    say(&mut stream, fault, Step::Rcpt, other.unwrap_or("250 ok")).await?;
                }
                "DATA" => {
                    say(&mut stream, fault, Step::Data, "354 go on").await?;
                    let mut data = String::new();
                    loop {
                        let mut line = String::new();
                        if stream.read_line(&mut line).await.ok()? == 0 {
                            return None;
                        }
                        if line == ".\r\n" {
                            break;
                        }
                        data.push_str(line.strip_prefix('.').unwrap_or(&line));
                    }
                    // What breaks after the last full stop may have been taken: here it was.
                    let taken = !matches!(fault, Some((Step::Message, Fault::Says(line))) if line.starts_with(['4', '5']));
                    if taken {
                        self.inner.received.lock().unwrap().push(Received { from: from.clone(), to: std::mem::take(&mut to), data, auth: auth.clone() });
                    }
                    say(&mut stream, fault, Step::Message, "250 queued as 4711").await?;
                }
                "QUIT" => {
                    let _ = stream.get_mut().write_all(b"221 bye\r\n").await;
                    return Some((Ended::Quit, stream.into_inner()));
                }
                _ => say(&mut stream, None, Step::Ehlo, "500 what?").await?,
            }
        }
    }
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>, fault: Option<(Step, Fault)>, step: Step, line: &str) -> Option<()> {
    let line = match fault.filter(|(at, _)| *at == step).map(|(_, fault)| fault) {
        None => line,
        Some(Fault::Says(other)) => other,
        Some(Fault::Closes) => return None,
        Some(Fault::Silent) => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            return None;
        }
    };
    stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).await.ok()
}
