//! How far an import is, for whoever watches.

/// What an import is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for an import that may have died.
    Waiting,
    /// Taking away what a broken run left.
    CleaningUp,
    /// Reading the file into the staging area.
    Reading,
    /// Checking what refers to what.
    Checking,
    /// Writing the rows.
    Merging,
    /// Making them visible, and tidying up.
    Finishing,
}

impl Phase {
    /// The phase in words.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::CleaningUp => "cleaning up",
            Self::Reading => "reading",
            Self::Checking => "checking",
            Self::Merging => "merging",
            Self::Finishing => "finishing",
        }
    }
}

/// Watches an import.
pub trait Progress: Send + Sync {
    /// The import enters a phase.
    fn phase(&self, phase: Phase);
    /// Bytes of the file and lines read so far.
    fn read(&self, bytes: u64, lines: u64);
    /// Something that people should know.
    fn notice(&self, message: &str);
}

/// Nobody watches.
pub struct Unwatched;

impl Progress for Unwatched {
    fn phase(&self, _: Phase) {}
    fn read(&self, _: u64, _: u64) {}
    fn notice(&self, _: &str) {}
}
