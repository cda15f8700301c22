//! Where the nodes of a cluster listen, from one URL: `amqp://USER:PASSWORD@HOST1:5672,HOST2:5672/VHOST`.

use std::fmt;

use lapin::uri::{AMQPScheme, AMQPUri};
use portolan_tls::leaves_the_machine;

use crate::OpenError;

/// The nodes in the URL's order; at least one.
#[derive(Clone)]
pub(crate) struct Brokers(Vec<AMQPUri>);

impl Brokers {
    /// # Errors
    /// It is no such URL. The parser's words may have the password in them, and are left out.
    pub(crate) fn parse(url: &str) -> Result<Self, OpenError> {
        let (scheme, rest) = url.split_once("://").ok_or(OpenError::Url)?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (user, hosts) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
        let one = |host: &str| {
            // lapin would take `localhost` for both.
            if host.is_empty() || host.starts_with('[') {
                return Err(OpenError::Url);
            }
            format!("{scheme}://{user}{host}{path}").parse().map_err(|_| OpenError::Url)
        };
        hosts.split(',').map(one).collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether connections go by TLS. One URL has one scheme.
    pub(crate) fn are_encrypted(&self) -> bool {
        self.0.iter().all(|uri| uri.scheme == AMQPScheme::AMQPS)
    }

    /// Whether the way to one of them crosses a network.
    pub(crate) fn are_far(&self) -> bool {
        self.0.iter().any(|uri| leaves_the_machine(&uri.authority.host))
    }

    /// Each by itself.
    pub(crate) fn each(&self) -> impl Iterator<Item = Self> {
        self.0.iter().map(|uri| Self(vec![uri.clone()]))
    }

    /// Counted round and round.
    pub(crate) fn get(&self, index: usize) -> Option<&AMQPUri> {
        self.0.get(index % self.0.len())
    }
}

/// What of a URL may be shown.
pub(crate) fn server(uri: &AMQPUri) -> String {
    format!("{}:{}", uri.authority.host, uri.authority.port)
}

impl fmt::Display for Brokers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers: Vec<_> = self.0.iter().map(server).collect();
        f.write_str(&servers.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: &str) {
        let brokers = Brokers::parse(url);
        let shown = brokers.as_ref().map_or_else(ToString::to_string, ToString::to_string);
        assert!(shown.contains(expected), "{url}: {shown}");
    }

    #[test]
    fn one_or_several_hosts() {
        check("amqp://joe:s3cret@rabbit:5673/%2f", "rabbit:5673");
        check("amqp://rabbit", "rabbit:5672");
        check("amqps://rabbit/v", "rabbit:5671");
        check("amqp://joe:s3,cret@a:1,b,c:3/v?heartbeat=5", "a:1, b:5672, c:3");
        let brokers = Brokers::parse("amqp://joe:s3,cret@a:1,b,c:3/v?heartbeat=5").unwrap();
        for index in 0..6 {
            let uri = brokers.get(index).unwrap();
            let user = &uri.authority.userinfo;
            assert_eq!((&*user.username, &*user.password, &*uri.vhost), ("joe", "s3,cret", "v"));
            assert_eq!(uri.query.heartbeat, Some(5));
            assert_eq!(uri.authority.host, ["a", "b", "c"][index % 3]);
        }
    }

    #[test]
    fn what_is_no_url_of_brokers_is_refused() {
        for url in [
            "",
            "rabbit",
            "amqp:rabbit",
            "http://rabbit",
            "amqp://",
            "amqp://joe:s3cret@",
            "amqp://a,,b",
            "amqp://a,",
            "amqp://a:1,b:x/v",
            "amqp://[::1]:5672",
        ] {
            check(url, "is not valid");
        }
    }
}
