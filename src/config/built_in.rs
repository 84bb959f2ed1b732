//! The configuration texts inside the program.

use super::media_types::MIME_TYPES;

/// `config/default.conf` as shipped.
pub(super) const DEFAULT_CONF: &str = include_str!("../../config/default.conf");

/// The texts for `include`, by name: those that come with nginx, and that configurations include by these names. A
/// configuration on disk gets them if it has no such file.
pub(super) const INCLUDED: &[(&str, &str)] = &[
    ("mime.types", MIME_TYPES),
    ("fastcgi_params", include_str!("../../config/fastcgi_params")),
    ("fastcgi.conf", include_str!("../../config/fastcgi.conf")),
    ("scgi_params", include_str!("../../config/scgi_params")),
    ("uwsgi_params", include_str!("../../config/uwsgi_params")),
    ("proxy_params", include_str!("../../config/proxy_params")),
    ("snippets/fastcgi-php.conf", include_str!("../../config/snippets/fastcgi-php.conf")),
];
