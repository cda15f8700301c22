//! The keys of portolan.yaml.

use portolan_mapping::grammar::{
    Group, Key, STANDING_HEADER,
    Value::{self, Boolean, Bytes, Duration, Either, List, Named, Number, Text, Whole, Word},
};

/// The whole file.
pub(crate) static CONFIGURATION: Group = Group {
    name: "the configuration",
    keys: &[
        Key::new("listen", Value::Group(&LISTEN), "Where callers and operators come in."),
        Key::required("routes", List(&Text), "Mapping files, and folders with them."),
        Key::new(
            "queue",
            Either(&[Text, Value::Group(&QUEUE)]),
            "Where messages are kept: `sqlite:portolan.db` (the default), or RabbitMQ, `amqps://HOST/VHOST`, beside a `ledger`.",
        ),
        Key::new(
            "ledger",
            Either(&[Text, Value::Group(&LEDGER)]),
            "What remembers messages beside RabbitMQ: `postgres://HOST/DATABASE` or, for one gateway, `sqlite:portolan.db`.",
        ),
        Key::new(
            "admin-token",
            Text,
            "The file into which the token of the admin API is written. Default: beside what this gateway calls its own.",
        ),
        Key::new(
            "systems",
            Named(&SYSTEM_VALUE),
            "The parties outside, each configured once, by the names that mappings use.",
        ),
        Key::new(
            "secrets",
            Named(&SECRET_VALUE),
            "What mappings name for `hmac_sha256`, and never hold: `${file:/run/secrets/name}`, its UTF-8 as it is; or `hex` or `base64` of it.",
        ),
        Key::new(
            "retention",
            Duration,
            "How long finished messages, their request ids and operations are remembered. Default 7d.",
        ),
        Key::new("log", Value::Group(&LOG), "What is logged, and how."),
        Key::new("telemetry", Value::Group(&TELEMETRY), "Where traces go. Without it there are none."),
    ],
};

const SECRET_VALUE: Value = Either(&[Text, Value::Group(&SECRET)]);

pub(super) static SECRET: Group = Group {
    name: "a secret",
    keys: &[
        Key::new("hex", Text, "The secret in hexadecimal digits: `${file:/run/secrets/name}`."),
        Key::new("base64", Text, "The secret in base64, with padding. One of the two."),
    ],
};

pub(super) static LISTEN: Group = Group {
    name: "`listen`",
    keys: &[
        Key::new(
            "grpc",
            Either(&[Text, Value::Group(&GRPC)]),
            "Callers: an address with its port, or a group of options. Default 127.0.0.1:8443.",
        ),
        Key::new(
            "http",
            Text,
            "Operators: health (/livez, /readyz), /metrics and the admin API. Default 127.0.0.1:8080.",
        ),
    ],
};

pub(super) static GRPC: Group = Group {
    name: "`grpc`",
    keys: &[
        Key::required(
            "address",
            Text,
            "An address with its port: `127.0.0.1:8443`, or `0.0.0.0:8443` for all networks.",
        ),
        Key::new("tls", Value::Group(&SERVER_TLS), "TLS for callers. Without it calls come in plain."),
        Key::new("web", Value::Group(&WEB), "gRPC-Web, and HTTP/1.1, at the same port."),
        Key::new("reflection", Boolean, "Whether callers may ask which services there are."),
        Key::new("max-request-bytes", Bytes, "The largest message that is taken."),
        Key::new("max-calls", COUNT, "Calls at a time."),
        Key::new("max-connections", COUNT, "Connections at a time."),
        Key::new(
            "drain-timeout",
            Duration,
            "How long calls that are under way may take when the gateway stops.",
        ),
    ],
};

pub(super) static WEB: Group = Group {
    name: "`web`",
    keys: &[Key::new(
        "origins",
        List(&Text),
        "The origins whose pages may call: `https://portal.example`. By default none may.",
    )],
};

pub(super) static SERVER_TLS: Group = Group {
    name: "`tls`",
    keys: &[
        Key::required("cert", Text, "The gateway's certificate with its chain, PEM."),
        Key::required("key", Text, "Its private key, PEM."),
        Key::new("client-ca", Text, "Authorities whose certificates callers must show, PEM."),
        Key::new(
            "client-optional",
            Boolean,
            "Whether callers may also come without a certificate. Default false.",
        ),
    ],
};

pub(super) static QUEUE: Group = Group {
    name: "`queue`",
    keys: &[
        Key::required(
            "url",
            Text,
            "`amqp://` or, with TLS, `amqps://HOST[:PORT]/VHOST`; of a cluster, `HOST1,HOST2:PORT`. Or `sqlite:FILE`.",
        ),
        USERNAME,
        PASSWORD,
        Key::new("type", Word(&["quorum", "classic"]), "Of the queues that are made. Default quorum."),
        Key::new(
            "prefetch",
            Whole(1, 65535),
            "Parcels of a route that a gateway holds unacknowledged. Default 64.",
        ),
        Key::new("confirm-timeout", Duration, "What the broker may take to answer. Default 10s."),
        AUTHORITIES,
        CERTIFICATE,
        CERTIFICATE_KEY,
        Key::new("prefix", Text, "Queues are named `PREFIX.route.ROUTE`. Default portolan."),
        Key::new("ingress", List(&Text), "Routes into which strangers may publish by plain AMQP."),
        Key::new(
            "events",
            List(&Text),
            "Routes of which whoever listens at the broker is told what becomes of messages.",
        ),
    ],
};

pub(super) static LEDGER: Group = Group {
    name: "`ledger`",
    keys: &[
        Key::required(
            "url",
            Text,
            "`postgres://HOST[:PORT]/DATABASE`, with `?sslmode=require` for TLS. Or `sqlite:FILE`.",
        ),
        USERNAME,
        PASSWORD,
        AUTHORITIES,
        CERTIFICATE,
        CERTIFICATE_KEY,
        Key::new(
            "connections",
            COUNT,
            "So many commits can share one sync of the server's disk. Default 16.",
        ),
        Key::new(
            "lease",
            Duration,
            "How long a gateway counts as alive that has not been heard of. Default 15s.",
        ),
        Key::new("patience", Duration, "How long an accept waits for a database that is away. Default 5s."),
        Key::new(
            "republish-after",
            Duration,
            "How long a message may wait in its queue until the queue is asked whether it has it yet. Default 60s.",
        ),
    ],
};

const USERNAME: Key = Key::new("username", Text, "The user, if not in the URL.");
const PASSWORD: Key = Key::new(
    "password",
    Text,
    "The password, if not in the URL: `${env:NAME}` or `${file:/run/secrets/name}`.",
);
const AUTHORITIES: Key = Key::new("ca", Text, "Authorities to trust, PEM, in place of the machine's own.");
const CERTIFICATE: Key =
    Key::new("certificate", Text, "What is shown to a server that demands a certificate, PEM.");
const CERTIFICATE_KEY: Key = Key::new("key", Text, "The certificate's private key, PEM.");
const COUNT: Value = Whole(1, u64::MAX);

static SYSTEM_VALUE: Value = Either(&[Value::Group(&SYSTEM), Value::Group(&FOLDER_SYSTEM)]);

pub(super) static SYSTEM: Group = Group {
    name: "a system",
    keys: &[
        Key::new(
            "soap",
            Value::Group(&SOAP),
            "It speaks SOAP over HTTP. One of `soap` and `grpc` must be there.",
        ),
        Key::new("grpc", Value::Group(&GRPC_SYSTEM), "It speaks gRPC."),
        Key::new("limits", Value::Group(&LIMITS), "How much it is asked."),
        Key::new(
            "breaker",
            Either(&[Word(&["off"]), Value::Group(&BREAKER)]),
            "When it is left alone after failures.",
        ),
        Key::new("maintenance", List(&Value::Group(&WINDOW)), "Windows in which it is not asked."),
    ],
};

/// A system that drops files.
pub(super) static FOLDER_SYSTEM: Group = Group {
    name: "a system",
    keys: &[Key::required("batch", Value::Group(&FOLDER), "It drops files into a folder.")],
};

pub(super) static FOLDER: Group = Group {
    name: "`batch`",
    keys: &[
        Key::new(
            "folder",
            Text,
            "The folder into which it drops files, relative to this file. One of `folder` and `sftp` must be there.",
        ),
        Key::new("sftp", Value::Group(&SFTP), "The folder is on an SFTP server."),
        Key::new(
            "complete",
            Either(&[Word(&["renamed"]), Value::Group(&COMPLETE)]),
            "When a file is complete. Default `renamed`: it has its final name, which begins with no dot and does not end in `.tmp`, `.part`, `.filepart` or `.writing`.",
        ),
        Key::new("every", Duration, "How often it is looked into. Default 1s, or 10s by `sftp`."),
        Key::new("max-bytes", Bytes, "The largest file that is taken. Default 16 GiB."),
        Key::new("archive", Text, "Where files go that were taken, within the folder. Default `archive`."),
        Key::new(
            "rejected",
            Text,
            "Where files go that were refused, and those of refused records. Default `rejected`.",
        ),
        Key::new("duplicate", Text, "Where files go whose content was taken before. Default `duplicate`."),
        Key::new("receipts", Text, "Where it is said what became of each file. Default `receipts`."),
        Key::new(
            "put",
            Text,
            "Where files are put for the system to pick up, those that are made of messages and those that acknowledge what it dropped: below the folder, or a path of its own. Default `out`.",
        ),
    ],
};

pub(super) static SFTP: Group = Group {
    name: "`sftp`",
    keys: &[
        Key::required("host", Text, "The server's name or address."),
        Key::new("port", Whole(1, 65535), "Its port. Default 22."),
        Key::required("user", Text, "Who logs in."),
        Key::required(
            "path",
            Text,
            "The folder there: `/incoming`, or from where the user is after the login.",
        ),
        Key::new(
            "key",
            Text,
            "The file of the private key to log in with, as `ssh-keygen` writes it. One of `key` and `password` must be there; a server that wants both gets both.",
        ),
        Key::new("passphrase", Text, "What the key is encrypted with: `${file:/run/secrets/name}`."),
        Key::new("password", Text, "The password: `${env:NAME}` or `${file:/run/secrets/name}`."),
        Key::new(
            "host-key",
            Either(&[Text, List(&Text)]),
            "The fingerprint of the server's key, or of each that it may show: `SHA256:...`. Any other server is refused. One of `host-key` and `known-hosts` must be there.",
        ),
        Key::new("known-hosts", Text, "A file with the server's key, as OpenSSH writes it."),
        Key::new(
            "spool",
            Text,
            "A folder of this machine, of nobody else's, for what is on its way; it needs room for the largest file. Default `spool/SYSTEM`, relative to this file.",
        ),
        Key::new(
            "timeout",
            Duration,
            "How long the server may take to let the user in, or to answer. Default 20s.",
        ),
    ],
};

pub(super) static COMPLETE: Group = Group {
    name: "`complete`",
    keys: &[
        Key::new("done-file", Text, "Another file of its name and this ending is there: `.done`."),
        Key::new(
            "manifest",
            Text,
            "A manifest, whose name is like this, lists it with its SHA-256: `*.sha256`.",
        ),
        Key::new("quiet", Duration, "It has not changed for so long."),
    ],
};

pub(super) static SOAP: Group = Group {
    name: "`soap`",
    keys: &[
        Key::required("endpoint", Text, "Its address: `https://register.example/soap`."),
        Key::new("timeout", Duration, "How long one attempt may take, where the mapping says nothing."),
        Key::new("connect-timeout", Duration, "How long a connection may take to be made."),
        Key::new("idle-timeout", Duration, "How long a connection is kept that nothing uses."),
        Key::new("max-concurrency", COUNT, "Requests at a time."),
        Key::new("max-waiting", COUNT, "Requests that may wait for their turn."),
        Key::new("max-reply-bytes", Bytes, "The largest reply that is read."),
        Key::new("compression", Boolean, "Whether replies may come compressed."),
        Key::new("auth", Value::Group(&AUTH), "HTTP Basic authentication."),
        Key::new("tls", Value::Group(&TLS), "Whom to trust, and what to show."),
        Key::new(
            "max-redirects",
            Whole(0, 10),
            "How many redirections to the same server are followed. Default 3.",
        ),
        Key::new("ws-security", Value::Group(&WS_SECURITY), "A UsernameToken in each envelope."),
        Key::new("headers", Named(&Text), "HTTP headers of every request."),
        Key::new(
            "header",
            STANDING_HEADER,
            "Rules for the SOAP headers of every request, as in a mapping; `${env:NAME}` and `${file:/path}` are filled in where a constant holds them.",
        ),
    ],
};

pub(super) static GRPC_SYSTEM: Group = Group {
    name: "`grpc`",
    keys: &[
        Key::required(
            "address",
            Text,
            "Scheme, host and port: `https://ledger.example:8443`; `http://` is HTTP/2 without TLS.",
        ),
        Key::new(
            "timeout",
            Duration,
            "How long one attempt may take, where the mapping says nothing. Default 30s.",
        ),
        Key::new("connect-timeout", Duration, "How long a connection may take to be made. Default 5s."),
        Key::new(
            "idle-timeout",
            Duration,
            "How long a connection is kept on which no call begins. Default 60s.",
        ),
        Key::new("max-concurrency", COUNT, "Calls at a time, on one connection. Default 64."),
        Key::new("max-waiting", COUNT, "Calls that may wait for their turn. Default 1024."),
        Key::new("max-reply-bytes", Bytes, "The largest message that is taken for an answer. Default 4MiB."),
        Key::new("tls", Value::Group(&TLS), "Whom to trust, and what to show."),
        Key::new(
            "metadata",
            Named(&Text),
            "Metadata of every call; names in lower case. The value of a name that ends in `-bin` is in base64.",
        ),
    ],
};

pub(super) static AUTH: Group = Group {
    name: "`auth`",
    keys: &[
        Key::required("username", Text, "The user."),
        Key::required("password", Text, "The password: `${env:NAME}` or `${file:/run/secrets/name}`."),
    ],
};

pub(super) static WS_SECURITY: Group = Group {
    name: "`ws-security`",
    keys: &[
        Key::required("username", Text, "The user."),
        Key::required("password", Text, "The password: `${env:NAME}` or `${file:/run/secrets/name}`."),
        Key::required(
            "type",
            Word(&["text", "digest"]),
            "Whether the password goes as it is, or as a digest.",
        ),
        Key::new(
            "timestamp",
            Duration,
            "How long an envelope is good for. Without it there is no Timestamp.",
        ),
        Key::new(
            "must-understand",
            Boolean,
            "Whether the system must refuse what it does not understand of it. Default false.",
        ),
    ],
};

pub(super) static TLS: Group = Group {
    name: "`tls`",
    keys: &[
        AUTHORITIES,
        Key::new("cert", Text, "What is shown to a server that demands a certificate, PEM."),
        CERTIFICATE_KEY,
    ],
};

pub(super) static LIMITS: Group = Group {
    name: "`limits`",
    keys: &[
        Key::new("concurrency", COUNT, "Requests at the system at a time, whoever asks."),
        Key::new(
            "rate",
            Text,
            "So many attempts in a second, minute, hour or day: `50/s`, `100/m`, `1000/h`, `10000/d`.",
        ),
        Key::new("burst", COUNT, "So many at once after a pause. Default: what a second brings."),
        Key::new(
            "max-wait",
            Duration,
            "How long a caller who waits for an answer waits for his turn. Default 1s, at most 60s.",
        ),
    ],
};

pub(super) static BREAKER: Group = Group {
    name: "`breaker`",
    keys: &[
        Key::new("failures", COUNT, "It opens after so many failures in a row. Default 10."),
        Key::new("open-for", Duration, "How long it is open, the first time. Default 1s."),
        Key::new("max-open-for", Duration, "How long at most. Default 30s."),
    ],
};

pub(super) static WINDOW: Group = Group {
    name: "a window of `maintenance`",
    keys: &[
        Key::required(
            "zone",
            Text,
            "The time zone of its days and hours, by its IANA name: `Europe/Tallinn`.",
        ),
        Key::new("from", Text, "When it begins: `22:00`. Default 00:00."),
        Key::new("to", Text, "When it ends, on the next day where that is not later. Default 24:00."),
        Key::new("days", List(&Text), "On these weekdays: `mon`, `mon..fri`."),
        Key::new("dates", List(&Text), "On these dates: `2026-12-24`, `12-24` every year, `12-24..12-26`."),
        Key::new("except", List(&Text), "But not on these dates."),
    ],
};

pub(super) static LOG: Group = Group {
    name: "`log`",
    keys: &[
        Key::new("format", Word(&["text", "json"]), "For people or for programs. Default text."),
        Key::new(
            "level",
            Text,
            "`error`, `warn`, `info`, `debug` or `trace`, or such per module: `info,portolan_soap=debug`.",
        ),
    ],
};

pub(super) static TELEMETRY: Group = Group {
    name: "`telemetry`",
    keys: &[
        Key::required(
            "otlp",
            Either(&[Text, Value::Group(&OTLP)]),
            "The collector, OTLP over gRPC: `http://127.0.0.1:4317`.",
        ),
        Key::new(
            "sample",
            Number(0.0, 1.0),
            "The share of the traces that begin here; a caller's own decision goes before. Default 1.",
        ),
        Key::new("service", Text, "The name under which spans are found. Default portolan."),
    ],
};

pub(super) static OTLP: Group = Group {
    name: "`otlp`",
    keys: &[
        Key::required("endpoint", Text, "Its address: `http://127.0.0.1:4317`."),
        Key::new("headers", Named(&Text), "Sent with every export."),
        Key::new("tls", Value::Group(&TLS), "Whom to trust, and what to show."),
    ],
};
