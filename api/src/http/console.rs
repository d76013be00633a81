//! The console as `npm run build` left it in `console/dist`, embedded when it was there as this crate was built.

use std::borrow::Cow;
use std::io::Read;

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::read::GzDecoder;
use rust_embed::Embed;

/// Files of the console; none when it was not built. Texts are there as `.br` and `.gz` alone.
#[derive(Embed)]
#[folder = "../console/dist"]
#[allow_missing = true]
struct Files;

/// What the page and its workers may load: their own files, and the API. Monaco writes its colours into the page as it runs, and
/// its style sheets hold pictures.
pub const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The page; none without a console.
pub fn page() -> Option<String> {
    Files::get("index.html").and_then(|file| String::from_utf8(file.data.into_owned()).ok())
}

/// `/graphiql/…`: what the page is made of.
pub async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    let Some((content_type, (encoding, body))) = content_type(&path).and_then(|kind| Some((kind, encoded(&path, &headers)?))) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    // Names of assets have a digest of what is in them.
    let lasting = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let fixed = [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, lasting), (header::VARY, "accept-encoding")];
    let encoding: Option<[(HeaderName, &str); 1]> = encoding.map(|encoding| [(header::CONTENT_ENCODING, encoding)]);
    let body = match body {
        Cow::Borrowed(bytes) => Body::from(bytes),
        Cow::Owned(bytes) => Body::from(bytes),
    };
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], fixed, encoding, body).into_response()
}

fn content_type(path: &str) -> Option<&'static str> {
    Some(match path.rsplit_once('.')?.1 {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "md" => "text/markdown; charset=utf-8",
        "svg" => "image/svg+xml",
        "ttf" => "font/ttf",
        _ => return None,
    })
}

type Encoded = (Option<&'static str>, Cow<'static, [u8]>);

/// The smallest form of a file that the client takes.
fn encoded(path: &str, headers: &HeaderMap) -> Option<Encoded> {
    let file = |extension: &str| Files::get(&format!("{path}{extension}")).map(|file| file.data);
    if let Some(plain) = file("") {
        return Some((None, plain));
    }
    for (encoding, extension) in [("br", ".br"), ("gzip", ".gz")] {
        if accepts(headers, encoding) {
            return file(extension).map(|bytes| (Some(encoding), bytes));
        }
    }
    let mut plain = Vec::new();
    GzDecoder::new(file(".gz")?.as_ref()).read_to_end(&mut plain).ok()?;
    Some((None, Cow::Owned(plain)))
}

/// Whether `Accept-Encoding` names the encoding and does not refuse it.
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|choice| {
        let (name, quality) = choice.split_once(';').unwrap_or((choice, "q=1"));
        let quality = quality.trim().strip_prefix("q=").and_then(|quality| quality.parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case(encoding) && quality.is_none_or(|quality| quality > 0.0)
    })
}
