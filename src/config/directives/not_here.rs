//! The directives of nginx 1.29 that are not here, and those of its well-known modules: they are refused by name, with
//! what to do instead. A row of the same name comes first, so a directive that arrives needs no change here.

use super::did_you_mean;

/// Names that have the same answer.
struct Family {
    /// What to do instead.
    advice: &'static str,
    /// The names, between blanks.
    names: &'static str,
}

/// What is said of directives about kept answers of other servers.
const UNCACHED: &str = "answers of other servers are not kept; leave it out";

const FAMILIES: &[Family] = &[
    Family {
        advice: "proxy_pass, fastcgi_pass, scgi_pass and uwsgi_pass pass requests on; or keep nginx in front",
        names: "proxy_socket_rcvbuf proxy_socket_sndbuf proxy_allow_upstream grpc_pass grpc_bind \
                grpc_socket_keepalive grpc_socket_rcvbuf grpc_socket_sndbuf grpc_connect_timeout grpc_send_timeout \
                grpc_intercept_errors grpc_buffer_size grpc_read_timeout grpc_next_upstream grpc_next_upstream_tries \
                grpc_next_upstream_timeout grpc_set_header grpc_pass_header grpc_hide_header grpc_ignore_headers \
                grpc_ssl_session_reuse grpc_ssl_protocols grpc_ssl_ciphers grpc_ssl_name grpc_ssl_server_name \
                grpc_ssl_verify grpc_ssl_verify_depth grpc_ssl_trusted_certificate grpc_ssl_crl grpc_ssl_certificate \
                grpc_ssl_certificate_key grpc_ssl_certificate_cache grpc_ssl_password_file grpc_ssl_conf_command \
                memcached_pass memcached_bind memcached_socket_keepalive memcached_connect_timeout \
                memcached_send_timeout memcached_buffer_size memcached_read_timeout memcached_next_upstream \
                memcached_next_upstream_tries memcached_next_upstream_timeout memcached_gzip_flag tunnel_pass \
                tunnel_bind tunnel_socket_keepalive tunnel_socket_rcvbuf tunnel_socket_sndbuf tunnel_connect_timeout \
                tunnel_send_timeout tunnel_send_lowat tunnel_buffer_size tunnel_read_timeout tunnel_next_upstream \
                tunnel_next_upstream_tries tunnel_next_upstream_timeout fastcgi_socket_rcvbuf fastcgi_socket_sndbuf \
                uwsgi_socket_rcvbuf uwsgi_socket_sndbuf scgi_socket_rcvbuf scgi_socket_sndbuf",
    },
    Family {
        advice: "least_conn, ip_hash, hash and random choose a server; leave it out, and the servers take turns",
        names: "least_time sticky",
    },
    Family {
        advice: "this server does not speak TLS with the servers behind it yet; leave it out, and write http://",
        names: "proxy_ssl_session_reuse proxy_ssl_protocols proxy_ssl_ciphers proxy_ssl_name proxy_ssl_server_name \
                proxy_ssl_verify proxy_ssl_verify_depth proxy_ssl_trusted_certificate proxy_ssl_crl \
                proxy_ssl_certificate proxy_ssl_certificate_key proxy_ssl_certificate_cache proxy_ssl_password_file \
                proxy_ssl_conf_command uwsgi_ssl_session_reuse uwsgi_ssl_protocols uwsgi_ssl_ciphers uwsgi_ssl_name \
                uwsgi_ssl_server_name uwsgi_ssl_verify uwsgi_ssl_verify_depth uwsgi_ssl_trusted_certificate \
                uwsgi_ssl_crl uwsgi_ssl_certificate uwsgi_ssl_certificate_key uwsgi_ssl_certificate_cache \
                uwsgi_ssl_password_file uwsgi_ssl_conf_command",
    },
    Family {
        advice: UNCACHED,
        names: "proxy_cache_key proxy_cache_path proxy_cache_valid proxy_cache_min_uses proxy_cache_max_range_offset \
                proxy_cache_use_stale proxy_cache_methods proxy_cache_lock proxy_cache_lock_timeout \
                proxy_cache_lock_age proxy_cache_revalidate proxy_cache_convert_head proxy_cache_background_update \
                fastcgi_cache_key fastcgi_cache_path fastcgi_cache_valid fastcgi_cache_min_uses \
                fastcgi_cache_max_range_offset fastcgi_cache_use_stale fastcgi_cache_methods fastcgi_cache_lock \
                fastcgi_cache_lock_timeout fastcgi_cache_lock_age fastcgi_cache_revalidate \
                fastcgi_cache_background_update uwsgi_cache_key uwsgi_cache_path uwsgi_cache_valid \
                uwsgi_cache_min_uses uwsgi_cache_max_range_offset uwsgi_cache_use_stale uwsgi_cache_methods \
                uwsgi_cache_lock uwsgi_cache_lock_timeout uwsgi_cache_lock_age uwsgi_cache_revalidate \
                uwsgi_cache_background_update scgi_cache_key scgi_cache_path scgi_cache_valid scgi_cache_min_uses \
                scgi_cache_max_range_offset scgi_cache_use_stale scgi_cache_methods scgi_cache_lock \
                scgi_cache_lock_timeout scgi_cache_lock_age scgi_cache_revalidate scgi_cache_background_update",
    },
    Family {
        advice: "uwsgi_modifier1 and uwsgi_param say what an application gets; leave it out",
        names: "uwsgi_string",
    },
    Family {
        advice: "TLS ends in front of this server: let hitch, stunnel or a load balancer do it, and listen without ssl",
        names: "ssl ssl_certificate ssl_certificate_key ssl_certificate_cache ssl_ech_file ssl_password_file \
                ssl_certificate_compression ssl_dhparam ssl_ecdh_curve ssl_protocols ssl_ciphers ssl_buffer_size \
                ssl_verify_client ssl_verify_depth ssl_client_certificate ssl_trusted_certificate \
                ssl_prefer_server_ciphers ssl_session_cache ssl_session_tickets ssl_session_ticket_key \
                ssl_session_timeout ssl_crl ssl_ocsp ssl_ocsp_responder ssl_ocsp_cache ssl_stapling \
                ssl_stapling_file ssl_stapling_responder ssl_stapling_verify ssl_early_data ssl_conf_command \
                ssl_reject_handshake ssl_engine ssl_object_cache_inheritable ssl_handshake_timeout ssl_alpn \
                ssl_preread proxy_ssl proxy_ssl_alpn starttls",
    },
    Family {
        advice: "clients speak HTTP/1.1 with this server; leave it out",
        names: "http2 http2_recv_buffer_size http2_pool_size http2_max_concurrent_streams \
                http2_max_concurrent_pushes http2_max_requests http2_max_field_size http2_max_header_size \
                http2_body_preread_size http2_streams_index_size http2_recv_timeout http2_idle_timeout \
                http2_chunk_size http2_push_preload http2_push http3 http3_hq http3_max_concurrent_streams \
                http3_stream_buffer_size quic_retry quic_gso quic_host_key quic_active_connection_id_limit quic_bpf \
                spdy_chunk_size spdy_headers_comp spdy_keepalive_timeout spdy_max_concurrent_streams \
                spdy_pool_size spdy_recv_buffer_size spdy_recv_timeout spdy_streams_index_size",
    },
    Family {
        advice: "gzip_static sends files that are compressed already; else leave it out",
        names: "gzip gzip_buffers gzip_types gzip_comp_level gzip_window gzip_hash gzip_no_buffer postpone_gzipping \
                gzip_min_length gzip_vary gzip_http_version gzip_proxied gunzip gunzip_buffers",
    },
    Family {
        advice: "files are sent as they are; change them, or let a program answer (cgi_pass)",
        names: "sub_filter sub_filter_types sub_filter_once sub_filter_last_modified add_before_body add_after_body \
                addition_types ssi ssi_silent_errors ssi_ignore_recycled_buffers ssi_min_file_chunk ssi_value_length \
                ssi_types ssi_last_modified xml_entities xml_external_entities xslt_stylesheet xslt_param \
                xslt_string_param xslt_types xslt_last_modified image_filter image_filter_jpeg_quality \
                image_filter_webp_quality image_filter_sharpen image_filter_transparency image_filter_interlace \
                image_filter_buffer perl perl_modules perl_require perl_set js_import js_content js_set js_path \
                js_var js_preload_object js_header_filter js_body_filter js_access js_filter js_preread js_periodic \
                js_shared_dict_zone js_fetch_buffer_size js_fetch_ciphers js_fetch_max_response_buffer_size \
                js_fetch_protocols js_fetch_timeout js_fetch_trusted_certificate js_fetch_verify \
                js_fetch_verify_depth js_include js_engine js_context_reuse otel_trace otel_exporter \
                otel_service_name otel_trace_context otel_span_name otel_span_attr",
    },
    Family {
        advice: "players ask for ranges of a file, and get them without it; leave it out",
        names: "mp4 mp4_buffer_size mp4_max_buffer_size mp4_start_key_frame flv slice hls hls_buffers hls_forward_args \
                hls_fragment hls_mp4_buffer_size hls_mp4_max_buffer_size f4f f4f_buffer_size",
    },
    Family {
        advice: "this server speaks HTTP; use another program for it",
        names: "mail stream auth_http auth_http_timeout auth_http_header auth_http_pass_client_cert protocol \
                max_errors imap_client_buffer imap_capabilities imap_auth pop3_capabilities pop3_auth proxy \
                proxy_buffer proxy_timeout proxy_pass_error_message xclient proxy_smtp_auth proxy_protocol \
                smtp_client_buffer smtp_greeting_delay smtp_capabilities smtp_auth proxy_protocol_timeout \
                preread_buffer_size preread_timeout pass proxy_downstream_buffer proxy_upstream_buffer \
                proxy_upload_rate proxy_download_rate proxy_requests proxy_responses proxy_half_close",
    },
    Family {
        advice: "map the User-Agent, the address or the country field of the server in front to a variable instead",
        names: "modern_browser ancient_browser modern_browser_value ancient_browser_value geoip_country geoip_org \
                geoip_city geoip_proxy geoip_proxy_recursive",
    },
    Family {
        advice: "all parts of the server are in the program; leave it out",
        names: "load_module google_perftools_profiles degradation degrade",
    },
    Family {
        advice: "leave it out if you can do without it",
        names: "auth_request auth_request_set charset \
                source_charset override_charset charset_types charset_map empty_gif geo map split_clients \
                add_trailer add_header_inherit add_trailer_inherit limit_zone mirror \
                mirror_request_body random_index set_real_ip_from real_ip_header real_ip_recursive valid_referers \
                rewrite break if set rewrite_log secure_link secure_link_md5 secure_link_secret stub_status \
                try_files open_log_file_cache userid_service userid_p3p userid_mark internal log_not_found \
                log_subrequest \
                recursive_error_pages post_action resolver resolver_timeout ignore_invalid_headers \
                underscores_in_headers chunked_transfer_encoding keepalive_time keepalive_min_timeout \
                keepalive_disable client_body_early_read worker_rlimit_nofile \
                worker_shutdown_timeout open_file_cache_retest \
                satisfy_any",
    },
];

/// The directives of nginx's commercial form.
const NGINX_PLUS: &str = "api status status_format status_zone keyval keyval_zone auth_jwt auth_jwt_claim_set \
                auth_jwt_header_set auth_jwt_key_cache auth_jwt_key_file auth_jwt_key_request auth_jwt_leeway \
                auth_jwt_require auth_jwt_type auth_oidc oidc_provider health_check health_check_timeout match \
                session_log session_log_format session_log_zone zone_sync zone_sync_buffers \
                zone_sync_connect_retry_interval zone_sync_connect_timeout zone_sync_interval \
                zone_sync_recv_buffer_size zone_sync_server zone_sync_ssl zone_sync_timeout proxy_cache_purge \
                fastcgi_cache_purge uwsgi_cache_purge scgi_cache_purge ntlm queue state internal_redirect \
                mgmt usage_report license_token upstream_conf sticky_cookie_insert";

/// Modules that do not come with nginx: the module, how the names of its directives begin, and what to do instead.
const THIRD_PARTY: &[(&str, &[&str], &str)] = &[
    ("headers-more", &["more_set_", "more_clear_"], "; add_header sets fields, server_tokens off hides the version"),
    ("brotli", &["brotli"], "; gzip_static sends files that are compressed already"),
    ("zstd", &["zstd"], "; gzip_static sends files that are compressed already"),
    ("lua", &["lua_", LUA], "; cgi_pass lets a program answer"),
    ("echo", &["echo_"], "; return 200 \"text\"; answers with a text"),
    ("modsecurity", &["modsecurity"], ""),
    ("pagespeed", &["pagespeed"], ""),
    ("vhost_traffic_status", &["vhost_traffic_status"], "; an access_log can be counted"),
    ("geoip2", &["geoip2"], ""),
    ("rtmp", &["rtmp"], ""),
    ("passenger", &["passenger_"], ""),
    ("fancyindex", &["fancyindex"], "; autoindex lists folders"),
    ("dav-ext", &["dav_ext_"], ""),
    ("upload", &["upload_pass", "upload_set_form_field", "upload_cleanup"], "; upload_store stores files"),
    (
        "set-misc",
        &["set_md5", "set_sha1", "set_random", "set_escape_", "set_unescape_", "set_encode_", "set_decode_"],
        "",
    ),
    ("push-stream", &["push_stream_"], ""),
    ("nchan", &["nchan_"], ""),
    ("auth-ldap", &["auth_ldap"], ""),
    ("auth-pam", &["auth_pam"], ""),
    ("subs_filter", &["subs_filter"], ""),
    ("redis2", &["redis2_", "redis_"], ""),
    ("vod", &["vod_"], ""),
];

/// Stands in many names of the module lua, as `content_by_lua_block`.
const LUA: &str = "_by_lua";

/// Why a directive of nginx is refused, or one that guides show and no server has, if the name is one.
pub(super) fn refusal(name: &str) -> Option<String> {
    if name == "group" {
        return Some("there is no directive \"group\"; write the group behind the user: user USER GROUP;".into());
    }
    if let Some(family) = FAMILIES.iter().find(|family| family.names.split(' ').any(|known| known == name)) {
        return Some(format!("\"{name}\" is not supported yet; {}", family.advice));
    }
    if NGINX_PLUS.split(' ').any(|known| known == name) {
        return Some(format!("\"{name}\" is of nginx Plus, and not here; leave it out if you can do without it"));
    }
    let begins = |prefix: &&str| name.starts_with(prefix) || (*prefix == LUA && name.contains(LUA));
    let is_of = |(module, prefixes, _): &&(&str, &[&str], &str)| *module == name || prefixes.iter().any(begins);
    let (module, _, advice) = THIRD_PARTY.iter().find(is_of)?;
    Some(format!("\"{name}\" is of a third-party module of nginx ({module}), which is not here{advice}"))
}

/// Why `proxy_cache ZONE` and its kind are refused.
pub(super) fn uncached(name: &str) -> String {
    format!("\"{name}\" is not supported yet but as \"{name} off\"; {UNCACHED}")
}

/// `, did you mean "x"?` for a name that is nearly one of these.
pub(super) fn meant(name: &str) -> String {
    did_you_mean(name, FAMILIES.iter().flat_map(|family| family.names.split(' ')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_stand_once_between_single_blanks() {
        let mut seen = HashSet::new();
        for name in FAMILIES.iter().flat_map(|family| family.names.split(' ')).chain(NGINX_PLUS.split(' ')) {
            let is_name =
                !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            assert!(is_name, "{name:?}");
            assert!(seen.insert(name), "{name} stands twice");
        }
    }

    #[test]
    fn what_is_refused_and_why() {
        for (name, expected) in [
            ("proxy_cache_path", "\"proxy_cache_path\" is not supported yet; answers of other servers"),
            ("mail", "\"mail\" is not supported yet; this server speaks HTTP"),
            ("api", "\"api\" is of nginx Plus"),
            ("brotli_static", "\"brotli_static\" is of a third-party module of nginx (brotli)"),
            ("access_by_lua_file", "\"access_by_lua_file\" is of a third-party module of nginx (lua)"),
            ("echo", "\"echo\" is of a third-party module of nginx (echo)"),
        ] {
            let told = refusal(name).unwrap_or_default();
            assert!(told.starts_with(expected), "{name}: {told}");
        }
        for name in ["proxy_pas", "listen", ""] {
            assert_eq!(refusal(name), None, "{name}");
        }
        assert_eq!(meant("grpc_pas"), ", did you mean \"grpc_pass\"?");
    }
}
