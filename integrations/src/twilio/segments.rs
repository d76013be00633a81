//! How long a text message is: 160 characters of GSM 03.38, or 70 of UCS-2; several segments lose seven or three each to being put
//! together again.

/// The basic characters of GSM 03.38, one septet each.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Those behind an escape, two septets each.
const EXTENDED: &str = "^{}\\[~]|€\u{c}";

/// What a character takes, in septets; none where GSM 03.38 does not have it.
fn septets(c: char) -> Option<usize> {
    if BASIC.contains(c) {
        Some(1)
    } else if EXTENDED.contains(c) {
        Some(2)
    } else {
        None
    }
}

/// What a text takes, and what fits into one segment and into each of several.
fn measure(text: &str) -> (usize, usize, usize) {
    match text.chars().map(septets).sum::<Option<usize>>() {
        Some(length) => (length, 160, 153),
        None => (text.encode_utf16().count(), 70, 67),
    }
}

/// The segments of a text.
pub(super) fn count(text: &str) -> usize {
    let (length, alone, each) = measure(text);
    if length <= alone { 1 } else { length.div_ceil(each) }
}

/// The beginning of a text that fits into so many segments; it says so where something was cut off.
pub(super) fn fit(text: &str, most: usize) -> String {
    if count(text) <= most {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        let longer = format!("{out}{c}...");
        if count(&longer) > most {
            break;
        }
        out.push(c);
    }
    out.push_str("...");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_counted_as_the_networks_do() {
        for (text, segments) in [
            ("a".repeat(160), 1),
            ("a".repeat(161), 2),
            ("a".repeat(306), 2),
            ("a".repeat(307), 3),
            ("€".repeat(80), 1),
            ("€".repeat(81), 2),
            ("あ".repeat(70), 1),
            ("あ".repeat(71), 2),
            ("あ".repeat(134), 2),
            ("あ".repeat(135), 3),
            (format!("{}あ", "a".repeat(70)), 2),
            ("🔴".repeat(35), 1),
            ("🔴".repeat(36), 2),
        ] {
            assert_eq!(count(&text), segments, "{text}");
        }
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        for (text, longest) in [("あ".repeat(500), 201), ("a".repeat(500), 459), ("🔴".repeat(500), 102)] {
            let cut = fit(&text, 3);
            assert_eq!(count(&cut), 3, "{cut}");
            assert!(cut.ends_with("...") && cut.chars().count() <= longest + 3, "{cut}");
        }
        assert_eq!(fit("短い", 3), "短い");
    }
}
