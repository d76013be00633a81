//! A shop's data: whole, by exports that the shop prepares in its own time, and what has changed since, page by page.

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::{CallError, ShopAccess};
use crate::ports::commerce::{BulkRecord, LineError};

/// What a shop's data is of. Lines come with their orders, variants with their products.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DataKind {
    /// Buyers.
    Customers,
    /// Products with their variants.
    Products,
    /// Orders with their lines.
    Orders,
}

impl DataKind {
    /// Every kind, in the order in which they are best fetched.
    pub const ALL: [Self; 3] = [Self::Customers, Self::Products, Self::Orders];

    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customers => "CUSTOMERS",
            Self::Products => "PRODUCTS",
            Self::Orders => "ORDERS",
        }
    }
}

/// Which instants a range is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Instants {
    /// When things came to be.
    Created,
    /// When they were last changed.
    Updated,
}

/// Some of a shop's data. Ranges that touch do not share anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Range {
    /// Which instants it is about.
    pub by: Instants,
    /// From this one on, in whole seconds.
    pub from: Option<DateTime<Utc>>,
    /// Up to this one, which is not in it, in whole seconds.
    pub until: Option<DateTime<Utc>>,
    /// Whether what the merchant has put away is in it too.
    pub archived: bool,
}

impl Range {
    /// Everything.
    pub const ALL: Self = Self { by: Instants::Created, from: None, until: None, archived: true };
}

/// What an export is to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExportAsk {
    /// Of what kind.
    pub kind: DataKind,
    /// Which of them.
    pub range: Range,
}

/// How an export stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExportStatus {
    /// The shop is at it.
    Running,
    /// Its file is there.
    Completed,
    /// It broke off; there may be a file with a part of it.
    Failed,
    /// It was called off.
    Cancelled,
    /// Its file is no longer kept.
    Expired,
}

/// An export, as the shop tells of it.
#[derive(Clone, Debug)]
pub struct Export {
    /// The provider's id.
    pub id: String,
    /// How it stands.
    pub status: ExportStatus,
    /// Why it broke off, in the provider's word.
    pub error: Option<String>,
    /// How many lines its file has, or has so far.
    pub objects: u64,
    /// How many of them hang from no other.
    pub roots: u64,
    /// How large its file is.
    pub bytes: Option<u64>,
    /// The file's address, which opens it: none when there is nothing in it.
    pub file: Option<SecretString>,
    /// The address of a part of it, when it broke off. It is never the whole.
    pub partial_file: Option<SecretString>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
}

/// What a page is to hold: what has changed since an instant, the longest ago first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageAsk<'a> {
    /// Of what kind.
    pub kind: DataKind,
    /// Which of them.
    pub range: Range,
    /// After which page; none for the first.
    pub after: Option<&'a str>,
    /// How many at most; their children are not counted.
    pub first: u32,
}

/// A page of a shop's data.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// What it says, parents before their children.
    pub records: Vec<Result<BulkRecord, LineError>>,
    /// Objects that have more children than the page had room for.
    pub unfinished: Vec<Unfinished>,
    /// How many objects it holds, without their children.
    pub roots: u64,
    /// When the last of them was changed.
    pub up_to: Option<DateTime<Utc>>,
    /// The provider's ids of those that the merchant has put away.
    pub put_away: Vec<String>,
    /// When the shop was asked, by its clock: nothing of this was read before. None when it does not tell the time.
    pub read_at: Option<DateTime<Utc>>,
    /// What comes after it; none for the last.
    pub next: Option<String>,
}

/// An object whose children have not all come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Of what kind it is.
    pub kind: DataKind,
    /// The provider's id of it.
    pub external_id: String,
    /// After which of its children the rest begins.
    pub after: String,
}

/// How many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// So many.
    pub count: u64,
    /// Whether that is all of them; otherwise there are at least so many.
    pub exact: bool,
}

/// A page of ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdPage {
    /// Each with when it was last changed.
    pub ids: Vec<(String, DateTime<Utc>)>,
    /// What comes after it; none for the last.
    pub next: Option<String>,
}

/// How far back an app sees, for want of a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// What is older than so many days is kept from it.
    pub days: u16,
    /// The scope that would show the rest.
    pub scope: &'static str,
}

/// Something that was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// Of what kind it was.
    pub kind: DataKind,
    /// The provider's id of it.
    pub external_id: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// A page of what was deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeletionPage {
    /// The longest ago first.
    pub deleted: Vec<Deleted>,
    /// What comes after it; none for the last.
    pub next: Option<String>,
}

/// Gives a shop's data. Of a kind that the provider does not have there is nothing: an export without a file, an empty page, exactly 0.
#[async_trait]
pub trait ShopSource: Send + Sync {
    /// Asks the shop for an export. When nobody answers, [`find_export`](Self::find_export) tells whether it was begun.
    async fn start_export(&self, access: &ShopAccess, ask: &ExportAsk) -> Result<Export, CallError>;

    /// The latest export of just this that was asked for at or after an instant.
    async fn find_export(&self, access: &ShopAccess, ask: &ExportAsk, since: DateTime<Utc>) -> Result<Option<Export>, CallError>;

    /// How an export stands; none when the shop knows of none.
    async fn export(&self, access: &ShopAccess, id: &str) -> Result<Option<Export>, CallError>;

    /// Calls an export off. It may still come to its end.
    async fn cancel_export(&self, access: &ShopAccess, id: &str) -> Result<(), CallError>;

    /// Opens the file of an export. What it yields are lines for the provider's `read_line`.
    async fn open_export(&self, file: &SecretString) -> Result<Box<dyn Download>, DownloadError>;

    /// A page of what has changed.
    async fn page(&self, access: &ShopAccess, ask: &PageAsk<'_>) -> Result<Page, CallError>;

    /// The children that a page had no room for, as far as one call brings them.
    async fn rest(&self, access: &ShopAccess, unfinished: &Unfinished) -> Result<Page, CallError>;

    /// One object with its children; an empty page when there is none.
    async fn one(&self, access: &ShopAccess, kind: DataKind, external_id: &str) -> Result<Page, CallError>;

    /// How many there are in each of these ranges, seven at most.
    async fn counts(&self, access: &ShopAccess, kind: DataKind, ranges: &[Range]) -> Result<Vec<Counted>, CallError>;

    /// Which there are: what is missing among them was deleted.
    async fn ids(&self, access: &ShopAccess, kind: DataKind, range: Range, after: Option<&str>) -> Result<IdPage, CallError>;

    /// What the shop's log says was deleted since an instant. Not every kind is in it: see [`ids`](Self::ids).
    async fn deletions(&self, access: &ShopAccess, since: DateTime<Utc>, after: Option<&str>) -> Result<DeletionPage, CallError>;

    /// How far back the app sees what is of a kind, by what was granted; none when it sees all of it.
    fn reach(&self, kind: DataKind, granted: &[String]) -> Option<Reach>;
}

/// A file that is being fetched, unpacked, in constant memory. A connection that breaks is taken up again where it broke.
#[async_trait]
pub trait Download: Send {
    /// The next bytes; none at the end of a file that is whole.
    async fn chunk(&mut self) -> Result<Option<Bytes>, DownloadError>;

    /// How many lines have come so far, with one that was begun.
    fn objects(&self) -> u64;

    /// How many of them hang from no other; with [`objects`](Self::objects) it must come to what [`Export`] tells.
    fn roots(&self) -> u64;

    /// How many bytes have come over the wire.
    fn bytes(&self) -> u64;

    /// Whether it came packed, which makes it smaller than the file.
    fn is_packed(&self) -> bool;
}

/// Why a file did not come.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DownloadError {
    /// The address no longer opens it: ask the shop for a new one, or for a new export.
    #[error("the file is no longer there (status {0})")]
    Gone(u16),
    /// The connection broke, again and again.
    #[error("the file broke off after {bytes} bytes: {why}")]
    Cut {
        /// How many bytes had come.
        bytes: u64,
        /// What went wrong.
        why: String,
    },
    /// The file is another one than it was before the connection broke.
    #[error("the file changed while it was being fetched")]
    Changed,
    /// It cannot be unpacked.
    #[error("the file is damaged: {0}")]
    Damaged(String),
    /// Nobody answers there, or not now.
    #[error("{0}")]
    Unreachable(String),
    /// The address is not one to dial.
    #[error("{0}")]
    Refused(String),
}
