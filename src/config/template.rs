//! Parses text with variables: `$name` and `${name}`.

use super::suggest::did_you_mean;
use super::types::{Escape, GatewayVariable, Literal, ProxiedVariable, Template, TemplatePart, Variable};
use crate::http::Known;
use crate::http::proxy_protocol::Tlv;
use crate::stats::Stat;

/// The variables with fixed names.
const NAMES: &[(&str, Variable)] = &[
    ("args", Variable::Args),
    ("binary_remote_addr", Variable::BinaryRemoteAddr),
    ("body_bytes_sent", Variable::BodyBytesSent),
    ("bytes_sent", Variable::BytesSent),
    ("connection", Variable::Connection),
    ("connection_requests", Variable::ConnectionRequests),
    ("connection_time", Variable::ConnectionTime),
    ("connections_active", Variable::Connections(Stat::Active)),
    ("connections_reading", Variable::Connections(Stat::Reading)),
    ("connections_waiting", Variable::Connections(Stat::Waiting)),
    ("connections_writing", Variable::Connections(Stat::Writing)),
    ("content_length", Variable::ContentLength),
    ("content_type", Variable::ContentType),
    ("document_root", Variable::DocumentRoot),
    ("document_uri", Variable::Uri),
    ("fastcgi_path_info", Variable::Gateway(GatewayVariable::FastcgiPathInfo)),
    ("fastcgi_script_name", Variable::Gateway(GatewayVariable::FastcgiScriptName)),
    ("host", Variable::Host),
    ("hostname", Variable::Hostname),
    ("https", Variable::Https),
    ("invalid_referer", Variable::InvalidReferer),
    ("is_args", Variable::IsArgs),
    ("is_request_port", Variable::IsRequestPort),
    ("limit_conn_status", Variable::LimitConnStatus),
    ("limit_rate", Variable::LimitRate),
    ("limit_req_status", Variable::LimitReqStatus),
    ("msec", Variable::Msec),
    ("nginx_version", Variable::NginxVersion),
    ("pid", Variable::Pid),
    ("pipe", Variable::Pipe),
    ("proxy_add_x_forwarded_for", Variable::Gateway(GatewayVariable::ProxyAddXForwardedFor)),
    ("proxy_host", Variable::Gateway(GatewayVariable::ProxyHost)),
    ("proxy_port", Variable::Gateway(GatewayVariable::ProxyPort)),
    ("proxy_protocol_addr", Variable::Proxied(ProxiedVariable::Address)),
    ("proxy_protocol_port", Variable::Proxied(ProxiedVariable::Port)),
    ("proxy_protocol_server_addr", Variable::Proxied(ProxiedVariable::ServerAddress)),
    ("proxy_protocol_server_port", Variable::Proxied(ProxiedVariable::ServerPort)),
    ("query_string", Variable::Args),
    ("realip_remote_addr", Variable::Proxied(ProxiedVariable::RealipRemoteAddr)),
    ("realip_remote_port", Variable::Proxied(ProxiedVariable::RealipRemotePort)),
    ("realpath_root", Variable::RealpathRoot),
    ("remote_addr", Variable::RemoteAddr),
    ("remote_port", Variable::RemotePort),
    ("remote_user", Variable::RemoteUser),
    ("request", Variable::Request),
    ("request_body", Variable::RequestBody),
    ("request_body_file", Variable::RequestBodyFile),
    ("request_completion", Variable::RequestCompletion),
    ("request_filename", Variable::RequestFilename),
    ("request_id", Variable::RequestId),
    ("request_length", Variable::RequestLength),
    ("request_method", Variable::RequestMethod),
    ("request_port", Variable::RequestPort),
    ("request_time", Variable::RequestTime),
    ("request_uri", Variable::RequestUri),
    ("scheme", Variable::Scheme),
    ("secure_link", Variable::SecureLink),
    ("secure_link_expires", Variable::SecureLinkExpires),
    ("server_addr", Variable::ServerAddr),
    ("server_name", Variable::ServerName),
    ("server_port", Variable::ServerPort),
    ("server_protocol", Variable::ServerProtocol),
    ("server_version", Variable::ServerVersion),
    ("status", Variable::Status),
    ("time_iso8601", Variable::TimeIso8601),
    ("time_local", Variable::TimeLocal),
    ("uid_got", Variable::UidGot),
    ("uid_set", Variable::UidSet),
    ("upstream_addr", Variable::Gateway(GatewayVariable::UpstreamAddr)),
    ("upstream_bytes_received", Variable::Gateway(GatewayVariable::UpstreamBytesReceived)),
    ("upstream_bytes_sent", Variable::Gateway(GatewayVariable::UpstreamBytesSent)),
    ("upstream_cache_status", Variable::Gateway(GatewayVariable::UpstreamCacheStatus)),
    ("upstream_connect_time", Variable::Gateway(GatewayVariable::UpstreamConnectTime)),
    ("upstream_header_time", Variable::Gateway(GatewayVariable::UpstreamHeaderTime)),
    ("upstream_last_server_name", Variable::Gateway(GatewayVariable::UpstreamLastServerName)),
    ("upstream_response_length", Variable::Gateway(GatewayVariable::UpstreamResponseLength)),
    ("upstream_response_time", Variable::Gateway(GatewayVariable::UpstreamResponseTime)),
    ("upstream_status", Variable::Gateway(GatewayVariable::UpstreamStatus)),
    ("uri", Variable::Uri),
];

/// The fixed names.
pub(super) fn names() -> impl Iterator<Item = &'static str> + Clone {
    NAMES.iter().map(|(name, _)| *name)
}

impl Variable {
    /// The variable with this name, which has no `$`.
    pub fn parse(name: &str) -> Option<Variable> {
        if let Some((_, variable)) = NAMES.iter().find(|(known, _)| *known == name) {
            return Some(variable.clone());
        }
        if let [digit @ b'1'..=b'9'] = name.as_bytes() {
            return Some(Variable::Capture(digit - b'0'));
        }
        let rest = |prefix| name.strip_prefix(prefix); // "$arg_" is right, and always empty
        let field = |rest: &str| rest.to_ascii_lowercase().replace('_', "-");
        let request_field = |name| match Known::parse(field(name).as_bytes()) {
            Some(known) => Variable::HttpKnown(known),
            None => Variable::Http(field(name)),
        };
        let found = rest("http_").map(request_field);
        let found = found.or_else(|| rest("sent_http_").map(|name| Variable::SentHttp(field(name))));
        let found = found.or_else(|| rest("sent_trailer_").map(|name| Variable::SentTrailer(field(name))));
        let tlv = |name| Tlv::named(name).map(ProxiedVariable::Tlv).map(Variable::Proxied);
        let found = found.or_else(|| upstream(name).map(Variable::Gateway));
        let found = found.or_else(|| rest("proxy_protocol_tlv_").and_then(tlv));
        let found = found.or_else(|| rest("arg_").map(|name| Variable::Arg(name.to_owned())));
        found.or_else(|| rest("cookie_").map(|name| Variable::Cookie(name.to_owned())))
    }
}

/// `$upstream_http_NAME` and its kind.
fn upstream(name: &str) -> Option<GatewayVariable> {
    let name = name.strip_prefix("upstream_")?;
    let field = |rest: &str| rest.to_ascii_lowercase().replace('_', "-");
    let found = name.strip_prefix("http_").map(|name| GatewayVariable::UpstreamHttp(field(name)));
    let found =
        found.or_else(|| name.strip_prefix("cookie_").map(|name| GatewayVariable::UpstreamCookie(name.to_owned())));
    found.or_else(|| name.strip_prefix("trailer_").map(|name| GatewayVariable::UpstreamTrailer(field(name))))
}

impl Template {
    /// Parses a text with the server's own variables. The error is a message for the author of the configuration.
    pub fn parse(text: &str) -> Result<Template, String> {
        Template::parse_with(text, |_| None)
    }

    /// Parses a text with variables; `others` finds those that are not the server's own.
    pub(super) fn parse_with(text: &str, mut others: impl FnMut(&str) -> Option<Variable>) -> Result<Template, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            let before = Literal::new(rest[..dollar].to_owned());
            let (name, after) = split_name(&rest[dollar + 1..])?;
            let variable = Variable::parse(name).or_else(|| others(name)).ok_or_else(|| {
                let meant = did_you_mean(name, names());
                format!("unknown variable \"${name}\"{}", meant.replace("mean \"", "mean \"$"))
            })?;
            parts.push(TemplatePart { before, variable });
            rest = after;
        }
        Ok(Template { parts, rest: Literal::new(rest.to_owned()), escape: Escape::default() })
    }

    /// Appends another text.
    pub fn append(&mut self, mut more: Template) {
        let joint = match more.parts.first_mut() {
            Some(part) => &mut part.before,
            None => &mut more.rest,
        };
        *joint = Literal::new([self.rest.as_str(), joint.as_str()].concat());
        self.parts.append(&mut more.parts);
        self.rest = more.rest;
    }

    /// The text, if it has no variables.
    pub fn as_text(&self) -> Option<&str> {
        self.parts.is_empty().then(|| self.rest.as_str())
    }

    /// Whether a variable may have a field of the response: a `map` may be one of such fields.
    pub(super) fn may_use_response(&self) -> bool {
        self.parts.iter().any(|part| matches!(part.variable, Variable::SentHttp(_) | Variable::Slot(_)))
    }

    /// The text before the first variable.
    pub fn leading_text(&self) -> &str {
        self.parts.first().map_or(&self.rest, |part| &part.before).as_str()
    }
}

/// Splits the text behind a `$` into the name of the variable and the rest.
fn split_name(text: &str) -> Result<(&str, &str), String> {
    let in_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if let Some(braced) = text.strip_prefix('{') {
        let end = braced.find(|c| !in_name(c)).unwrap_or(braced.len());
        let (name, after) = braced.split_at(end);
        let after = after.strip_prefix('}').ok_or_else(|| format!("missing \"}}\" after \"${{{name}\""))?;
        return if name.is_empty() { Err("no variable's name in \"${}\"".to_owned()) } else { Ok((name, after)) };
    }
    let end = match text.as_bytes() {
        [b'1'..=b'9', ..] => 1, // a group of an expression: what follows does not belong to its name
        _ => text.find(|c| !in_name(c)).unwrap_or(text.len()),
    };
    match text.split_at(end) {
        ("", _) => Err("\"$\" must be followed by a variable's name".to_owned()),
        split => Ok(split),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a<Uri>b` for a text, a variable and a text.
    fn shown(text: &str) -> String {
        match Template::parse(text) {
            Err(message) => format!("! {message}"),
            Ok(template) => {
                let part = |part: &TemplatePart| format!("{}<{:?}>", part.before.as_str(), part.variable);
                template.parts.iter().map(part).chain([template.rest.as_str().to_owned()]).collect()
            }
        }
    }

    #[test]
    fn variables() {
        let table = [
            ("", ""),
            ("plain text", "plain text"),
            ("$uri", "<Uri>"),
            ("a${uri}b", "a<Uri>b"),
            ("$uri$args", "<Uri><Args>"),
            ("$uri-$args.", "<Uri>-<Args>."),
            ("$query_string", "<Args>"),
            ("$1a$23", "<Capture(1)>a<Capture(2)>3"),
            ("$http_user_agent", "<HttpKnown(UserAgent)>"),
            ("$http_X_Y", "<Http(\"x-y\")>"),
            ("$sent_http_content_type", "<SentHttp(\"content-type\")>"),
            ("$sent_trailer_X_Y", "<SentTrailer(\"x-y\")>"),
            ("$arg_q", "<Arg(\"q\")>"),
            ("$upstream_http_X_Y", "<Gateway(UpstreamHttp(\"x-y\"))>"),
            ("$upstream_cookie_Id", "<Gateway(UpstreamCookie(\"Id\"))>"),
            ("$upstream_trailer_X_Y", "<Gateway(UpstreamTrailer(\"x-y\"))>"),
            ("$upstream_adr", "! unknown variable \"$upstream_adr\", did you mean \"$upstream_addr\"?"),
            ("${cookie_id}x", "<Cookie(\"id\")>x"),
            ("$", "! \"$\" must be followed by a variable's name"),
            ("$$uri", "! \"$\" must be followed by a variable's name"),
            ("a$ b", "! \"$\" must be followed by a variable's name"),
            ("${}", "! no variable's name in \"${}\""),
            ("${uri", "! missing \"}\" after \"${uri\""),
            ("${u-i}", "! missing \"}\" after \"${u\""),
            ("$urii", "! unknown variable \"$urii\", did you mean \"$uri\"?"),
            ("$remote_adr", "! unknown variable \"$remote_adr\", did you mean \"$remote_addr\"?"),
            ("$fo", "! unknown variable \"$fo\""),
            ("$1", "<Capture(1)>"),
            ("$10", "<Capture(1)>0"),
            ("$0", "! unknown variable \"$0\""),
            ("$http_$arg_$cookie_$sent_http_", "<Http(\"\")><Arg(\"\")><Cookie(\"\")><SentHttp(\"\")>"),
        ];
        for (text, expected) in table {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    /// Cut anywhere, but not inside a variable's name.
    #[test]
    fn a_text_in_pieces_is_the_whole_one() {
        let pieces = ["", "a", "${uri}", "", "b ", "c", "${args}d", "$host${status}", "."];
        for cut in 0..=pieces.len() {
            let [mut whole, behind] =
                [&pieces[..cut], &pieces[cut..]].map(|text| Template::parse(&text.concat()).unwrap());
            whole.append(behind);
            assert_eq!(whole, Template::parse(&pieces.concat()).unwrap(), "cut before {cut}");
        }
    }

    #[test]
    fn text_without_variables() {
        let text = |text| Template::parse(text).unwrap().as_text().map(str::to_owned);
        assert_eq!(text(""), Some(String::new()));
        assert_eq!(text("abc"), Some("abc".to_owned()));
        assert_eq!(text("a$uri"), None);
    }
}
