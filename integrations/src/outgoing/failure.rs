//! What became of a call that got no answer: the difference that matters is whether the other side may have acted.

use std::error::Error;

use super::guard::UrlProblem;
use super::{FailureKind, Outcome, clean};

/// The longest message, in characters.
const LONGEST: usize = 300;

/// What an error of the client says about the call.
pub(super) fn outcome(error: &reqwest::Error) -> Outcome {
    let chain = Chain(error);
    if let Some(problem) = chain.find::<UrlProblem>() {
        return Outcome::Refused(problem.clone());
    }
    let kind = kind(error, &chain);
    Outcome::Failed { kind, message: message(kind, &chain) }
}

fn kind(error: &reqwest::Error, chain: &Chain<'_>) -> FailureKind {
    if error.is_builder() {
        FailureKind::Unsendable
    } else if error.is_connect() {
        if error.is_dns() {
            FailureKind::Dns
        } else if chain.find::<rustls::Error>().is_some() || chain.find_io(std::io::ErrorKind::UnexpectedEof) {
            FailureKind::Tls
        } else {
            FailureKind::Connect
        }
    } else if error.is_timeout() {
        FailureKind::Timeout
    } else if chain.find::<hyper::Error>().is_some_and(|error| error.is_parse()) {
        FailureKind::Protocol
    } else {
        // Whatever else befalls an open connection: the request may have been read.
        FailureKind::Reset
    }
}

/// The innermost error, which says most; never an address that a name stands for.
fn message(kind: FailureKind, chain: &Chain<'_>) -> String {
    let said = chain.iter().last().map(|error| error.to_string()).unwrap_or_default();
    let what = match kind {
        FailureKind::Dns => "the host's name could not be resolved",
        FailureKind::Connect => "no connection could be made",
        FailureKind::Tls => "no secure connection could be made",
        FailureKind::Timeout => "no answer came in time",
        FailureKind::Reset => "the connection broke before an answer came",
        FailureKind::Protocol => "the answer is not HTTP",
        FailureKind::Unsendable => "the request cannot be written",
    };
    clean(&format!("{what}: {said}"), LONGEST)
}

/// An error and its causes; I/O errors hide theirs inside.
struct Chain<'a>(&'a (dyn Error + 'static));

impl<'a> Chain<'a> {
    fn iter(&self) -> impl Iterator<Item = &'a (dyn Error + 'static)> + use<'a> {
        std::iter::successors(Some(self.0), |error| {
            let error: &'a (dyn Error + 'static) = *error;
            let hidden = error.downcast_ref::<std::io::Error>().and_then(|io| io.get_ref());
            hidden.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source())
        })
    }

    fn find<T: Error + 'static>(&self) -> Option<&'a T> {
        self.iter().find_map(|error| error.downcast_ref::<T>())
    }

    fn find_io(&self, kind: std::io::ErrorKind) -> bool {
        self.iter().filter_map(|error| error.downcast_ref::<std::io::Error>()).any(|error| error.kind() == kind)
    }
}
