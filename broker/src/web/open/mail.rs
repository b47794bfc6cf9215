//! Addresses of mail.

/// Is it one, plain enough to stand in an IRI as it is?
pub(crate) fn is_mail(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b".-_+@".contains(&b);
    let (name, host) = text.split_once('@').unwrap_or_default();
    text.len() <= 254
        && text.bytes().all(plain)
        && !name.is_empty()
        && host.contains('.')
        && !host.contains('@')
}

#[cfg(test)]
mod tests {
    use super::is_mail;

    #[test]
    fn only_plain_addresses_of_mail_stand_in_an_iri() {
        assert!(is_mail("open-data@city.example"));
        for text in [
            "",
            "@",
            "city.example",
            "a@b",
            "a b@c.d",
            "a@b.c\"",
            "a@b@c.d",
            "<a@b.c>",
            "a@b.c?x",
        ] {
            assert!(!is_mail(text), "{text}");
        }
    }
}
