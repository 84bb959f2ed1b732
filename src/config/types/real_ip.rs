//! Whose word is taken for the client's address.

use super::Networks;
use crate::http::Known;
use std::sync::Arc;

/// `set_real_ip_from` and the other real_ip_ directives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RealIp {
    /// `set_real_ip_from`: the proxies that are believed. Default none, and then nothing is changed.
    pub from: Arc<Networks>,
    /// `real_ip_header`. Default X-Real-IP.
    pub header: RealIpHeader,
    /// `real_ip_recursive`: go on to the address before, while the last one is a proxy that is believed. Default off.
    pub recursive: bool,
}

/// `real_ip_header FIELD|proxy_protocol;`
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RealIpHeader {
    /// All lines of this field, which is a list: `X-Forwarded-For`.
    List(Known),
    /// The first line of this field.
    Field(Arc<str>),
    /// The source in the PROXY protocol's header.
    ProxyProtocol,
}

impl Default for RealIp {
    fn default() -> Self {
        Self { from: Arc::default(), header: RealIpHeader::Field(Arc::from("X-Real-IP")), recursive: false }
    }
}
