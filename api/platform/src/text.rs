//! How text is normalised before it is stored for searching or comparing.

use unicode_normalization::UnicodeNormalization;

/// Full-width and half-width, upper and lower case compare equal afterwards (NFKC, lower case, trimmed).
pub fn fold(text: &str) -> String {
    text.trim().nfkc().flat_map(char::to_lowercase).collect()
}

/// The parts that are there, folded and joined: what a text search looks through.
pub fn search_text(parts: &[Option<&str>]) -> String {
    let mut joined = String::new();
    for part in parts.iter().flatten().filter(|part| !part.is_empty()) {
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(&fold(part));
    }
    joined
}

/// `text` as a LIKE pattern that finds it anywhere; to be used with `escape '\'`.
pub fn contains_pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in fold(text).chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn width_and_case_do_not_matter_and_wildcards_are_text() {
        assert_eq!(fold(" Ｔａｒｏ@Example.COM "), "taro@example.com");
        assert_eq!(search_text(&[Some("#1001"), None, Some("ヤマダ"), Some("")]), "#1001 ヤマダ");
        assert_eq!(contains_pattern("50%_"), "%50\\%\\_%");
    }
}
