//! Whom a channel reaches: checked when it is set, one spelling each, none twice.

use entities::NotificationChannelKind;
use people::validation::{Invalid, Problem, email, invalid};
use url::Url;

/// Mail addresses of one channel at most.
const EMAILS: usize = 20;
/// Telephone numbers of one channel at most.
const NUMBERS: usize = 10;

/// The recipients of a channel.
pub(super) fn checked(kind: NotificationChannelKind, given: &[String]) -> Result<Vec<String>, Invalid> {
    let field = match kind {
        NotificationChannelKind::Email => "emailAddresses",
        NotificationChannelKind::Sms => "phoneNumbers",
        NotificationChannelKind::Slack => return Ok(Vec::new()),
    };
    let most = if kind == NotificationChannelKind::Email { EMAILS } else { NUMBERS };
    let mut found: Vec<String> = Vec::new();
    for one in given {
        let one = match kind {
            NotificationChannelKind::Email => email(field, one)?,
            NotificationChannelKind::Sms | NotificationChannelKind::Slack => phone(field, one)?,
        };
        if !found.contains(&one) {
            found.push(one);
        }
    }
    match found.len() {
        0 => Err(invalid(field, Problem::Required)),
        count if count > most => Err(invalid(field, Problem::Unknown(format!("a channel has at most {most} of them")))),
        _ => Ok(found),
    }
}

/// A telephone number in the form of E.164; people write spaces and hyphens into them.
fn phone(field: &'static str, given: &str) -> Result<String, Invalid> {
    let number: String = given.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')')).collect();
    let good = number
        .strip_prefix('+')
        .is_some_and(|digits| (7..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|digit| digit.is_ascii_digit()));
    if good { Ok(number) } else { Err(invalid(field, Problem::Unknown("is not a telephone number with its country, such as +819012345678".to_owned()))) }
}

/// What may be shown of the address of a webhook: its host, and its last four characters where there are many.
pub(super) fn hint(url: &Url) -> String {
    let (host, path) = (url.host_str().unwrap_or_default(), url.path());
    let end: String = if path.len() >= 24 { path.chars().skip(path.chars().count() - 4).collect() } else { String::new() };
    format!("{host}/…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_are_checked_and_kept_once() {
        let numbers = ["+81 90-1234-5678", "+819012345678"].map(str::to_owned);
        assert_eq!(checked(NotificationChannelKind::Sms, &numbers).unwrap(), ["+819012345678"]);
        for wrong in ["090-1234-5678", "+0123456789", "+81", "+8190123456789012", "+81９０12345678", ""] {
            assert!(checked(NotificationChannelKind::Sms, &[wrong.to_owned()]).is_err(), "{wrong}");
        }
        let many: Vec<String> = (0..21).map(|n| format!("ops{n}@example.jp")).collect();
        assert_eq!(checked(NotificationChannelKind::Email, &many[..20]).unwrap().len(), 20);
        assert!(checked(NotificationChannelKind::Email, &many).is_err());
        assert!(checked(NotificationChannelKind::Email, &["a@example.jp\r\nBcc: b@example.jp".to_owned()]).is_err());
        assert!(checked(NotificationChannelKind::Email, &[]).is_err());
    }

    #[test]
    fn little_is_shown_of_a_webhook() {
        let hint = |url: &str| hint(&Url::parse(url).unwrap());
        assert_eq!(hint("https://hooks.slack.com/services/T000/B000/abcdefghijklWXYZ"), "hooks.slack.com/…WXYZ");
        assert_eq!(hint("https://chat.example.com/hook/1"), "chat.example.com/…");
    }
}
