//! The files of bulk operations, at addresses that open them.

use std::io::Write;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::Inner;
use super::faults::On;

pub(super) async fn serve(State(inner): State<Arc<Inner>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let does = inner.faults.lock().expect("faults").next(&[On::File]);
    let response = match does.instead().await {
        Some(response) => response,
        None => file(&inner, &id, &headers),
    };
    does.after(response).await
}

fn file(inner: &Inner, id: &str, headers: &HeaderMap) -> Response {
    let (now, shops) = (inner.now(), inner.shops());
    let found = shops.values().find_map(|shop| Some((shop.packs_files, shop.operations().iter().find(|operation| operation.serves(id, now))?.file())));
    let Some((packs, text)) = found else {
        return (StatusCode::FORBIDDEN, "<Error><Code>AccessDenied</Code></Error>").into_response();
    };
    let packed = packs && headers.get("accept-encoding").is_some_and(|value| value.as_bytes() == b"gzip");
    let bytes = if packed {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).expect("packed");
        encoder.finish().expect("packed")
    } else {
        text.into_bytes()
    };
    let (bytes, tag) = (Bytes::from(bytes), format!("\"{id}\""));
    let from = headers.get("range").and_then(|range| range.to_str().ok()?.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    let mut response = match from {
        Some(from) if from < bytes.len() => {
            let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
            (StatusCode::PARTIAL_CONTENT, [("content-range", range)], bytes.slice(from..)).into_response()
        }
        Some(_) => StatusCode::RANGE_NOT_SATISFIABLE.into_response(),
        None => bytes.into_response(),
    };
    response.headers_mut().insert("etag", tag.parse().expect("a tag"));
    if packed {
        response.headers_mut().insert("content-encoding", "gzip".parse().expect("a word"));
    }
    response
}
