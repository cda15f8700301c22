//! Which connections cross a network, where others could read what is not encrypted.

use std::net::IpAddr;

/// Whether the way to a host, by name or address, leaves this machine, as far as the name tells.
pub fn leaves_the_machine(host: &str) -> bool {
    host != "localhost" && host.parse().map_or(true, |ip: IpAddr| !ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_name_or_address() {
        for host in ["localhost", "127.0.0.1", "127.1.2.3", "::1"] {
            assert!(!leaves_the_machine(host), "{host}");
        }
        for host in ["db.example", "10.0.0.1", "2001:db8::1", "localhost.example"] {
            assert!(leaves_the_machine(host), "{host}");
        }
    }
}
