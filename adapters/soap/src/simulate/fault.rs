//! Writing faults of both versions (SOAP 1.1, section 4.4; SOAP 1.2 part 1, section 5.4).

use portolan_schema::SoapVersion;
use quick_xml::escape::partial_escape;

use super::sample::wrap;

/// A fault's envelope, and the HTTP status under which it travels.
///
/// `code` may be the name of either version (`Client` or `Sender`, `Server` or `Receiver`); any other text stands as it
/// is in 1.1 and as a receiver's subcode in 1.2.
pub(crate) fn fault(version: SoapVersion, code: &str, reason: &str, detail: &str) -> (u16, String) {
    let reason = partial_escape(reason);
    let body = match version {
        SoapVersion::V11 => {
            let code = match code {
                "Client" | "Sender" => "soap:Client".into(),
                "Server" | "Receiver" => "soap:Server".into(),
                "VersionMismatch" | "MustUnderstand" => format!("soap:{code}").into(),
                other => partial_escape(other),
            };
            let detail = if detail.is_empty() { String::new() } else { format!("<detail>{detail}</detail>") };
            format!(
                "<soap:Fault><faultcode>{code}</faultcode><faultstring>{reason}</faultstring>{detail}</soap:Fault>"
            )
        }
        SoapVersion::V12 => {
            let code = match code {
                "Client" | "Sender" => "<soap:Value>soap:Sender</soap:Value>".to_owned(),
                "Server" | "Receiver" => "<soap:Value>soap:Receiver</soap:Value>".to_owned(),
                "VersionMismatch" | "MustUnderstand" => format!("<soap:Value>soap:{code}</soap:Value>"),
                other => format!(
                    "<soap:Value>soap:Receiver</soap:Value><soap:Subcode><soap:Value>{}</soap:Value></soap:Subcode>",
                    partial_escape(other)
                ),
            };
            let detail = if detail.is_empty() {
                String::new()
            } else {
                format!("<soap:Detail>{detail}</soap:Detail>")
            };
            format!(
                "<soap:Fault><soap:Code>{code}</soap:Code><soap:Reason><soap:Text xml:lang=\"en\">{reason}</soap:Text>\
                 </soap:Reason>{detail}</soap:Fault>"
            )
        }
    };
    // SOAP 1.2 part 2, table 20; in 1.1 every fault is a 500 (section 6.2).
    let status = if version == SoapVersion::V12 && matches!(code, "Client" | "Sender") { 400 } else { 500 };
    (status, wrap(version, "", &body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_has_its_own_words() {
        use SoapVersion::{V11, V12};
        for (version, code, status, expected) in [
            (
                V11,
                "Sender",
                500,
                "<faultcode>soap:Client</faultcode><faultstring>a &lt; b</faultstring><detail><d/></detail>",
            ),
            (V11, "my.Code", 500, "<faultcode>my.Code</faultcode>"),
            (V12, "Client", 400, "<soap:Code><soap:Value>soap:Sender</soap:Value></soap:Code>"),
            (
                V12,
                "Server",
                500,
                "<soap:Text xml:lang=\"en\">a &lt; b</soap:Text></soap:Reason><soap:Detail><d/></soap:Detail>",
            ),
            (V12, "e:Busy", 500, "<soap:Subcode><soap:Value>e:Busy</soap:Value></soap:Subcode>"),
        ] {
            let (got, text) = fault(version, code, "a < b", "<d/>");
            assert_eq!(got, status, "{code}");
            assert!(text.contains(expected) && text.contains(version.namespace()), "{text}");
        }
    }
}
