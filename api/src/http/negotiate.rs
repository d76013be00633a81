//! Media types of GraphQL over HTTP: what is taken, and what is given back.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `application/graphql-response+json`: the status tells whether the request ran.
    GraphqlResponse,
    /// `application/json`: 200 once the request was well formed.
    Json,
}

impl Answer {
    /// The form that the client accepts best; none when it accepts neither.
    pub fn accepted(headers: &HeaderMap) -> Option<Self> {
        let mut best: Option<(u16, Self)> = None;
        let mut named = false;
        for range in headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')) {
            named = true;
            let mut parts = range.split(';').map(str::trim);
            let answer = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "application/graphql-response+json" => Self::GraphqlResponse,
                "application/json" | "application/*" | "*/*" => Self::Json,
                _ => continue,
            };
            let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(1_000, |q| (q.parse::<f32>().unwrap_or(0.0) * 1_000.0) as u16);
            if quality > 0 && best.is_none_or(|(known, _)| quality > known) {
                best = Some((quality, answer));
            }
        }
        if named { best.map(|(_, answer)| answer) } else { Some(Self::Json) }
    }

    /// The media type.
    pub fn media_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        })
    }

    /// The status of a request that was understood and did not run: it did not parse, or is not valid.
    pub fn request_error(self) -> StatusCode {
        match self {
            Self::GraphqlResponse => StatusCode::BAD_REQUEST,
            Self::Json => StatusCode::OK,
        }
    }
}

/// Whether a body is JSON in UTF-8.
pub fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(content_type)) = headers.get(header::CONTENT_TYPE).map(HeaderValue::to_str) else { return false };
    let mut parts = content_type.split(';').map(|part| part.trim().to_ascii_lowercase());
    parts.next().as_deref() == Some("application/json")
        && parts.all(|parameter| parameter.strip_prefix("charset=").is_none_or(|charset| charset.trim_matches('"') == "utf-8"))
}

/// Whether a client that could have a page asks for JSON.
pub fn prefers_json(headers: &HeaderMap) -> bool {
    headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).any(|value| value.trim_start().starts_with("application/json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(accept: &'static str) -> Option<Answer> {
        Answer::accepted(&HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]))
    }

    #[test]
    fn the_client_gets_the_form_that_it_prefers() {
        assert_eq!(accepted("application/graphql-response+json, application/json;q=0.9"), Some(Answer::GraphqlResponse));
        assert_eq!(accepted("application/json;q=0.9, application/graphql-response+json;q=0.1"), Some(Answer::Json));
        assert_eq!(accepted("*/*"), Some(Answer::Json));
        assert_eq!(accepted("text/html"), None);
        assert_eq!(Answer::accepted(&HeaderMap::new()), Some(Answer::Json));
    }
}
