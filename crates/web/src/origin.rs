//! Where a request was made: on one of our own pages, or elsewhere.

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};

/// What the browser says of the page that made a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MadeOn {
    /// One of our own pages, or the address bar.
    OurPage,
    /// A page of somebody else.
    ForeignPage,
    /// It says nothing: an old browser, or no browser.
    Unknown,
}

impl MadeOn {
    /// Reads `Sec-Fetch-Site`, or `Origin` where a browser does not send it (plain HTTP inside
    /// an office network). `public_url` is the address that people use, where a proxy hides it.
    pub(crate) fn read(headers: &HeaderMap, public_url: Option<&str>) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(site) = text("sec-fetch-site") {
            return if matches!(site, "same-origin" | "none") {
                Self::OurPage
            } else {
                Self::ForeignPage
            };
        }
        let Some(origin) = text(ORIGIN.as_str()) else {
            return Self::Unknown;
        };
        let is_ours = match public_url {
            Some(url) => origin.eq_ignore_ascii_case(url.trim_end_matches('/')),
            None => {
                let host = origin.split_once("://").map(|(_, host)| host);
                host.is_some() && host == text(HOST.as_str())
            }
        };
        if is_ours {
            Self::OurPage
        } else {
            Self::ForeignPage
        }
    }
}

/// `path` if it leads to a page of this site, and nowhere else whatever a browser makes of it.
pub(crate) fn own_path(path: &str) -> Option<&str> {
    let is_own = path.starts_with('/')
        && !path.starts_with("//")
        && path
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#')
        && !path.starts_with("/sign-");
    is_own.then_some(path)
}

/// `text` as a value in a query string.
pub(crate) fn query_value(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn only_paths_of_this_site_are_returned_to() {
        for own in ["/", "/work", "/plans/1/R3?saved=1"] {
            assert_eq!(own_path(own), Some(own));
        }
        for other in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "work",
            "/a\r\nb",
            "/sign-in",
            "/\t/evil.example",
        ] {
            assert_eq!(own_path(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_foreign_page_is_recognised_by_either_header() {
        let made_on = |pairs| MadeOn::read(&headers(pairs), None);
        assert_eq!(
            made_on(&[("sec-fetch-site", "cross-site")]),
            MadeOn::ForeignPage
        );
        assert_eq!(
            made_on(&[("sec-fetch-site", "same-site")]),
            MadeOn::ForeignPage
        );
        assert_eq!(
            made_on(&[("sec-fetch-site", "same-origin")]),
            MadeOn::OurPage
        );
        assert_eq!(
            made_on(&[("origin", "http://daicho:8080"), ("host", "daicho:8080")]),
            MadeOn::OurPage
        );
        assert_eq!(
            made_on(&[("origin", "http://evil"), ("host", "daicho:8080")]),
            MadeOn::ForeignPage
        );
        assert_eq!(
            made_on(&[("origin", "null"), ("host", "daicho:8080")]),
            MadeOn::ForeignPage
        );
        assert_eq!(made_on(&[("host", "daicho:8080")]), MadeOn::Unknown);
    }

    #[test]
    fn behind_a_proxy_the_public_address_counts() {
        let request = headers(&[
            ("origin", "https://daicho.example.jp"),
            ("host", "127.0.0.1:8080"),
        ]);
        assert_eq!(
            MadeOn::read(&request, Some("https://daicho.example.jp/")),
            MadeOn::OurPage
        );
        assert_eq!(
            MadeOn::read(&request, Some("https://other.example.jp")),
            MadeOn::ForeignPage
        );
    }

    #[test]
    fn query_values_carry_nothing_but_themselves() {
        assert_eq!(query_value("/a?b=c&d"), "%2Fa%3Fb%3Dc%26d");
    }
}
