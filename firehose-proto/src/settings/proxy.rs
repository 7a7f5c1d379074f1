//! [`Proxies`]: the proxy for a request, from the usual environment variables.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv6Addr};

use super::{Setting, SettingError, first_variable};
use crate::endpoint;
use crate::http::{Method, Request};
use crate::percent;
use crate::sensitive::Sensitive;

/// The proxies of a program, and the hosts that it reaches directly.
///
/// ```
/// use firehose_proto::settings::Proxies;
///
/// let proxies = Proxies::read(|name| match name {
///     "https_proxy" => Some("http://user:hunter2@proxy.example:3128".to_owned()),
///     "NO_PROXY" => Some("internal.example, 10.0.0.0/8".to_owned()),
///     _ => None,
/// });
/// let proxy = proxies.for_url("https://firehose.us-east-1.amazonaws.com/")?.unwrap();
/// assert_eq!((proxy.value.host.as_str(), proxy.value.port), ("proxy.example", 3128));
/// assert!(proxies.for_url("https://vpce.internal.example/")?.is_none());
/// assert!(proxies.for_url("http://169.254.169.254/")?.is_none());
/// # Ok::<(), firehose_proto::settings::SettingError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    http: Option<Result<Setting<Proxy>, SettingError>>,
    https: Option<Result<Setting<Proxy>, SettingError>>,
    exceptions: Vec<Exception>,
}

/// A proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Proxy {
    /// Whether the connection to the proxy itself is encrypted.
    pub is_https: bool,
    /// Its host name or address, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The user to log in as, percent-decoded.
    pub user: Option<String>,
    /// The user's password, percent-decoded.
    pub password: Option<Sensitive<String>>,
}

/// The URL, without user and password.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        let user = if self.user.is_some() { "…@" } else { "" };
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{user}{open}{}{close}:{}", self.host, self.port)
    }
}

impl Proxies {
    /// Reads `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, each in upper or lower case.
    ///
    /// `HTTP_PROXY` in capitals is ignored where `REQUEST_METHOD` is set: in a CGI program it contains the header
    /// `Proxy` of a visitor. An invalid proxy is an error only for the URLs that it is for, see
    /// [`for_url`](Self::for_url).
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let is_cgi = variable("REQUEST_METHOD").is_some();
        let all = || first_variable(&variable, &["ALL_PROXY", "all_proxy"]);
        let http = first_variable(&variable, if is_cgi { &["http_proxy"] } else { &["http_proxy", "HTTP_PROXY"] });
        let https = first_variable(&variable, &["https_proxy", "HTTPS_PROXY"]);
        let exceptions = first_variable(&variable, &["NO_PROXY", "no_proxy"]);
        Self {
            http: http.or_else(all).map(read_proxy),
            https: https.or_else(all).map(read_proxy),
            exceptions: exceptions.map_or_else(Vec::new, |list| list.value.split(',').filter_map(exception).collect()),
        }
    }

    /// One proxy for all URLs, as the program sets it. URLs that must never go through a proxy still do not.
    ///
    /// # Errors
    ///
    /// [`SettingError`] when it is not the URL of a host, or not of an HTTP proxy.
    pub fn new(url: &str) -> Result<Self, SettingError> {
        let proxy = read_proxy(Setting::code(url.to_owned()))?;
        Ok(Self { http: Some(Ok(proxy.clone())), https: Some(Ok(proxy)), exceptions: Vec::new() })
    }

    /// The proxy for a URL. There is none for this machine, instance metadata, containers' agents, and the hosts of
    /// `NO_PROXY`.
    ///
    /// # Errors
    ///
    /// [`SettingError`] when its proxy is not the URL of a host, or not of an HTTP proxy.
    pub fn for_url(&self, url: &str) -> Result<Option<&Setting<Proxy>>, SettingError> {
        let proxy = self.choose(url);
        proxy.map(Result::as_ref).transpose().map_err(SettingError::clone)
    }

    fn choose(&self, url: &str) -> Option<&Result<Setting<Proxy>, SettingError>> {
        let request = Request::new(Method::Get, url);
        let is_https = url.split_once(':').is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("https"));
        let proxy = if is_https { self.https.as_ref()? } else { self.http.as_ref()? };
        let authority = request.authority()?;
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = endpoint::split_port(authority).ok()?;
        let port = port.unwrap_or(if is_https { 443 } else { 80 });
        let host = bare(host);
        let address = host.parse::<IpAddr>().ok();
        if is_local(host, address) || self.exceptions.iter().any(|exception| exception.covers(host, address, port)) {
            return None;
        }
        Some(proxy)
    }
}

/// A host in the form for comparison: without brackets and the final dot.
fn bare(host: &str) -> &str {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.strip_suffix('.').unwrap_or(host)
}

/// Whether a host is this machine, or link-local, where no proxy can stand in for it.
fn is_local(host: &str, address: Option<IpAddr>) -> bool {
    match address.map(|address| address.to_canonical()) {
        Some(IpAddr::V4(address)) => address.is_loopback() || address.is_link_local(),
        Some(IpAddr::V6(address)) => address.is_loopback() || address.segments().starts_with(&[0xfd00, 0xec2]),
        None => host.eq_ignore_ascii_case("localhost"),
    }
}

fn read_proxy(found: Setting<String>) -> Result<Setting<Proxy>, SettingError> {
    let is_socks = found.value.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("socks"));
    let rule = if is_socks && found.value.contains("://") {
        "is a SOCKS proxy's, which cannot be used: it must be the URL of an HTTP proxy, such as \
         `http://proxy.example:3128`; hosts to reach without a proxy belong in NO_PROXY"
    } else {
        "must be the URL of a proxy, such as `http://proxy.example:3128`"
    };
    found.parse(rule, |url| {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let is_https = scheme.eq_ignore_ascii_case("https");
        if !is_https && !scheme.eq_ignore_ascii_case("http") {
            return None;
        }
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let (login, authority) =
            authority.rsplit_once('@').map_or((None, authority), |(login, host)| (Some(login), host));
        let (host, port) = endpoint::split_port(authority).ok()?;
        let (user, password) = match login.map(|login| login.split_once(':').unwrap_or((login, ""))) {
            Some((user, password)) => {
                let password = if password.is_empty() { None } else { Some(percent_decoded(password)?) };
                (Some(percent_decoded(user)?), password)
            }
            None => (None, None),
        };
        let port = port.unwrap_or(if is_https { 443 } else { 80 });
        Some(Proxy { is_https, host: bare(host).to_owned(), port, user, password: password.map(Sensitive::new) })
    })
}

/// Decodes percent-encoding; `None` when the result is not text.
fn percent_decoded(text: &str) -> Option<String> {
    String::from_utf8(percent::decode(text).collect()).ok()
}

/// An entry of `NO_PROXY`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Exception {
    All,
    /// Addresses that begin with these bits, and the number of bits.
    Network(IpAddr, u32),
    /// A host and its subdomains, with a port if only that one is meant.
    Host(String, Option<u16>),
}

/// Reads an entry. An invalid one is ignored, as other programs do.
fn exception(text: &str) -> Option<Exception> {
    let text = text.trim();
    if text == "*" {
        return Some(Exception::All);
    }
    if let Some((address, bits)) = text.split_once('/') {
        let address: IpAddr = bare(address).parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        return bits.parse().ok().filter(|bits| *bits <= most).map(|bits| Exception::Network(address, bits));
    }
    if let Ok(address) = bare(text).parse::<IpAddr>() {
        return Some(Exception::Network(address, if address.is_ipv4() { 32 } else { 128 }));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok()?)),
        None => (text, None),
    };
    let host = bare(host.strip_prefix("*.").or_else(|| host.strip_prefix('.')).unwrap_or(host));
    (!host.is_empty()).then(|| Exception::Host(host.to_ascii_lowercase(), port))
}

impl Exception {
    fn covers(&self, host: &str, address: Option<IpAddr>, port: u16) -> bool {
        match self {
            Self::All => true,
            Self::Network(network, bits) => address.is_some_and(|address| is_within(address, *network, *bits)),
            Self::Host(name, only_port) => {
                let below = host.len().checked_sub(name.len()).and_then(|at| host.split_at_checked(at));
                let is_name = below.is_some_and(|(above, tail)| {
                    tail.eq_ignore_ascii_case(name) && (above.is_empty() || above.ends_with('.'))
                });
                is_name && only_port.is_none_or(|only_port| only_port == port)
            }
        }
    }
}

fn is_within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    let (address, network, width) = match (address.to_canonical(), network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => (address.to_bits().into(), network.to_bits().into(), 32),
        (IpAddr::V6(address), IpAddr::V6(network)) => (Ipv6Addr::to_bits(address), network.to_bits(), 128),
        _ => return false,
    };
    let ignored = width - bits;
    (address ^ network).checked_shr(ignored).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;
    use crate::settings::SettingSource;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::read(|name| variables.iter().find(|(found, _)| *found == name).map(|(_, value)| (*value).to_string()))
    }

    #[test]
    fn chooses_by_scheme_and_case() {
        let (http, https) = ("http://h/", "https://h/");
        for (variables, url, expected) in [
            (&[("HTTP_PROXY", "a")][..], http, Some("http://a:80")),
            (&[("HTTP_PROXY", "a")], https, None),
            (&[("HTTPS_PROXY", "a:1")], https, Some("http://a:1")),
            (&[("HTTPS_PROXY", "a:1")], http, None),
            (&[("HTTPS_PROXY", "a:1"), ("https_proxy", "b:2")], https, Some("http://b:2")),
            (&[("ALL_PROXY", "a:1"), ("all_proxy", "b:2")], https, Some("http://a:1")),
            (&[("all_proxy", "b:2"), ("http_proxy", " ")], http, Some("http://b:2")),
            (&[("http_proxy", "HTTPS://A.example/")], "HTTP://h", Some("https://A.example:443")),
            (&[("http_proxy", "http://[::1]:3128")], http, Some("http://[::1]:3128")),
            (&[("http_proxy", "http://user:hunter2@a:1")], http, Some("http://…@a:1")),
            (&[("HTTP_PROXY", "evil"), ("REQUEST_METHOD", "GET")], http, None),
            (&[("http_proxy", "a"), ("REQUEST_METHOD", "")], http, Some("http://a:80")),
        ] {
            let proxies = proxies(variables);
            let found = proxies.for_url(url).unwrap().map(|found| found.value.to_string());
            assert_eq!(found.as_deref(), expected, "{variables:?} {url}");
        }
        let source = proxies(&[("https_proxy", "a")]).for_url(https).unwrap().unwrap().source.clone();
        assert_eq!(source, SettingSource::Variable("https_proxy".into()));
        assert_eq!(Proxies::new("a:1").unwrap().for_url(http).unwrap().unwrap().source, SettingSource::Code);
    }

    #[test]
    fn logs_in_as_the_user_of_the_url() {
        for (url, user, password) in [
            ("http://a", None, None),
            ("http://u@a", Some("u"), None),
            ("http://u:@a", Some("u"), None),
            ("http://u%40x:p%3a%2F%@a:1/", Some("u@x"), Some("p:/%")),
            ("u:p@q@a", Some("u"), Some("p@q")),
        ] {
            let proxy = proxies(&[("http_proxy", url)]).for_url("http://h").unwrap().unwrap().value.clone();
            assert_eq!(proxy.user.as_deref(), user, "{url}");
            assert_eq!(proxy.password.as_ref().map(|password| password.expose().as_str()), password, "{url}");
        }
        assert!(!format!("{:?}", Proxies::new("http://u:hunter2@a")).contains("hunter2"));
    }

    #[test]
    fn minds_a_proxy_that_cannot_be_used_only_where_it_would_be() {
        let socks = "is a SOCKS proxy's, which cannot be used: it must be the URL of an HTTP proxy, such as \
                     `http://proxy.example:3128`; hosts to reach without a proxy belong in NO_PROXY";
        let rule = "must be the URL of a proxy, such as `http://proxy.example:3128`";
        for (proxy, rule) in [
            ("socks5://hunter2", socks),
            ("SOCKS5H://u:hunter2@h:1080", socks),
            ("socks4a://h", socks),
            ("socks://h", socks),
            ("socks.example:hunter2", rule),
            ("http://", rule),
            ("http://hunter2 a", rule),
            ("http://h:hunter2", rule),
            ("http://h/path", rule),
            ("http://%ff@h", rule),
            ("ftp://h", rule),
        ] {
            let set = |variable| proxies(&[(variable, proxy), ("NO_PROXY", "near.example")]);
            for (variable, used, unused) in [
                ("HTTPS_PROXY", &["https://h/"][..], &["http://h/", "https://near.example/", "https://127.0.0.1/"][..]),
                ("http_proxy", &["http://h/"], &["https://h/", "http://near.example/", "http://localhost:1/"]),
                ("ALL_PROXY", &["http://h/", "https://h/"], &["http://[::1]:1/", "http://169.254.169.254/"]),
            ] {
                for url in used {
                    let error = set(variable).for_url(url).unwrap_err().to_string();
                    assert_eq!(error, format!("environment variable `{variable}` {rule}"), "{proxy}");
                }
                for url in unused {
                    assert_eq!(set(variable).for_url(url), Ok(None), "{variable}={proxy} {url}");
                }
            }
            assert_eq!(Proxies::new(proxy).unwrap_err().to_string(), format!("code {rule}"));
        }
        let one_of_two = proxies(&[("ALL_PROXY", "socks5://h"), ("https_proxy", "a")]);
        assert!(one_of_two.for_url("https://h").is_ok() && one_of_two.for_url("http://h").is_err());
    }

    #[test]
    fn leaves_out_the_hosts_that_are_excepted() {
        for (exceptions, url, is_proxied) in [
            ("", "http://h", true),
            ("*", "http://h", false),
            ("a.example", "https://a.example/", false),
            ("a.example", "https://A.EXAMPLE./", false),
            ("a.example", "https://b.a.example/", false),
            ("a.example", "https://ba.example/", true),
            ("a.example", "https://example/", true),
            (".a.example", "https://a.example/", false),
            ("*.a.example", "https://b.a.example/", false),
            (" x , a.example ,", "https://a.example/", false),
            (", ,", "https://a.example/", true),
            ("a:443", "https://a/", false),
            ("a:443", "http://a/", true),
            ("a:8080", "http://a:8080/", false),
            ("a:x", "http://a/", true),
            ("10.1.2.3", "http://10.1.2.3/", false),
            ("10.1.2.3", "http://10.1.2.4/", true),
            ("10.0.0.0/8", "http://10.255.0.1:80/", false),
            ("10.0.0.0/8", "http://11.0.0.1/", true),
            ("0.0.0.0/0", "http://11.0.0.1/", false),
            ("0.0.0.0/0", "http://name/", true),
            ("10.0.0.0/33", "http://10.0.0.1/", true),
            ("10.0.0.0/8", "http://[::ffff:10.0.0.1]/", false),
            ("2001:db8::/32", "http://[2001:db8:1::1]/", false),
            ("2001:db8::/32", "http://[2001:db9::1]/", true),
            ("::/0", "http://[2001:db9::1]/", false),
            ("[2001:db8::1]", "http://[2001:db8::1]:8080/", false),
            ("[2001:db8::1]:80", "http://[2001:db8::1]/", false),
            ("\u{e9}\u{e9}", "http://xy/", true),
        ] {
            let proxies = proxies(&[("ALL_PROXY", "proxy"), ("NO_PROXY", exceptions)]);
            assert_eq!(proxies.for_url(url).unwrap().is_some(), is_proxied, "{exceptions:?} {url}");
        }
    }

    #[test]
    fn never_asks_a_proxy_for_what_is_near() {
        let proxies = Proxies::new("http://proxy").unwrap();
        for (host, is_proxied) in [
            ("169.254.169.254", false),
            ("169.254.170.2:80", false),
            ("[fd00:ec2::254]", false),
            ("[fd00:ec2::23]:80", false),
            ("[fd00:ec3::1]", true),
            ("127.0.0.1:8080", false),
            ("127.1.2.3", false),
            ("[::1]", false),
            ("[::ffff:127.0.0.1]", false),
            ("localhost:4566", false),
            ("LocalHost.", false),
            ("localhost.example", true),
            ("10.0.0.1", true),
            ("user@127.0.0.1", false),
        ] {
            assert_eq!(proxies.for_url(&format!("http://{host}/")).unwrap().is_some(), is_proxied, "{host}");
        }
        assert_eq!((proxies.for_url("/path"), proxies.for_url("")), (Ok(None), Ok(None)));
    }
}
