//! The defaults: the values of settings that the configuration does not mention.

use super::media_types::{self, MediaTypes};
use super::types::*;
use crate::http::form_data::FormLimits;
use crate::http::listing::Format;
use crate::http::userid::{Cookie, Lifetime};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The least serious level of the error log, unless `error_log` names another.
pub(super) const ERROR_LEVEL: Level = Level::Error;

impl Default for Settings {
    fn default() -> Self {
        with_types(media_types::built_in())
    }
}

fn with_types(MediaTypes { types, extensions }: MediaTypes) -> Settings {
    Settings {
        phases: Phases::empty(),
        server_name: Arc::from(""),
        root: PathBuf::from("html"),
        alias: None,
        variable_root: None,
        index: vec![Template::from("index.html")],
        empty_gif: false,
        types,
        extensions,
        default_type: Arc::from("text/plain"),
        links: LinkRules::default(),
        charset: Charset::default(),
        error_pages: Vec::new(),
        return_: None,
        program: None,
        rewrite_log: false,
        try_files: None,
        internal: false,
        recursive_error_pages: false,
        access_logs: Vec::new(),
        log_rules: LogRules::default(),
        error_level: ERROR_LEVEL,
        error_logs: None,
        keepalive: Keepalive::default(),
        field_names: FieldNames::default(),
        resolver: Resolver::default(),
        client_header_timeout: Duration::from_secs(60),
        client_body_timeout: Duration::from_secs(60),
        client_max_body_size: 1 << 20,
        send_timeout: Duration::from_secs(60),
        lingering: Lingering::default(),
        reset_timedout_connection: false,
        merge_slashes: true,
        client_header_buffer_size: 1 << 10,
        large_client_header_buffers: (4, 8 << 10),
        max_headers: 1000,
        sendfile: true,
        sendfile_max_chunk: 4 << 20,
        tcp_nopush: false,
        tcp_nodelay: true,
        server_tokens: true,
        etag: EtagForm::On,
        upload_store: None,
        upload_same_origin: false,
        upload_limits: FormLimits::default(),
        dav: Dav::default(),
        userid: Userid::default(),
        stub_status: false,
        real_ip: RealIp::default(),
        disable_symlinks: DisableSymlinks::Off,
        autoindex: Autoindex::default(),
        max_ranges: None,
        add_headers: Vec::new(),
        inherits_fields: InheritFields { headers: Inherit::On, trailers: Inherit::On },
        chunked_transfer_encoding: true,
        expires: Expires::Off,
        redirects: Redirects { absolute: true, port: true, server_name: false },
        gzip_static: GzipStatic::Off,
        early_hints: Vec::new(),
        if_modified_since: IfModifiedSince::Before,
        open_file_cache: OpenFileCache::default(),
        cgi: None,
        gateway: None,
        methods: None,
        extension_methods: Vec::new(),
        access: Access::default(),
        limit_except: None,
        limits: Limits::default(),
        client_body_buffer_size: 128 << 10,
        client_body_temp_path: std::env::temp_dir(),
        client_body_in_file_only: BodyInFile::Off,
    }
}

impl Default for OpenFileCache {
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        OpenFileCache {
            files_max: 1024,
            inactive: minute,
            valid: minute,
            min_uses: 2,
            errors: false,
            bytes_max: 16 << 20,
            file_bytes_max: 64 << 10,
        }
    }
}

impl Default for LogRules {
    fn default() -> Self {
        LogRules { open_file_cache: OpenLogFileCache::default(), not_found: true, subrequest: false }
    }
}

impl Default for OpenLogFileCache {
    fn default() -> Self {
        let (inactive, valid) = (Duration::from_secs(10), Duration::from_secs(60));
        OpenLogFileCache { paths_max: 0, inactive, uses_min: 1, valid }
    }
}

impl Default for LimitRefusal {
    fn default() -> Self {
        LimitRefusal { status: 503, level: Level::Error, dry_run: false }
    }
}

impl Default for LimitRate {
    fn default() -> Self {
        LimitRate { rate: None, after: Size::Fixed(0) }
    }
}

impl Default for Keepalive {
    fn default() -> Self {
        let (time, disable) = (None, OldBrowsers::empty());
        Keepalive { timeout: Duration::from_secs(75), header: None, unasked: 1000, requests: 1000, time, disable }
    }
}

impl Default for Resolver {
    fn default() -> Self {
        Resolver { servers: Vec::new().into(), valid: None, ipv4: true, ipv6: true, timeout: Duration::from_secs(30) }
    }
}

impl Default for Lingering {
    fn default() -> Self {
        Lingering { mode: LingeringClose::On, time: Duration::from_secs(30), timeout: Duration::from_secs(5) }
    }
}

impl Default for Dav {
    fn default() -> Self {
        let methods = DavMethods::empty();
        Dav { methods, access: None, full_put_path: false, min_delete_depth: 0, sync: false }
    }
}

impl Default for Userid {
    fn default() -> Self {
        let cookie = Cookie {
            name: "uid".to_owned(),
            domain: None,
            path: "/".to_owned(),
            lifetime: Lifetime::Session,
            secure: false,
            http_only: false,
            same_site: None,
            mark: None,
        };
        Userid { mode: UseridMode::Off, cookie, service: None, p3p: None, reset: None }
    }
}

impl Default for Cgi {
    /// The settings of `cgi on;` alone.
    fn default() -> Self {
        Cgi {
            pass: None,
            extensions: Vec::new(),
            interpreters: Vec::new(),
            params: Vec::new(),
            timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(30),
            path_info: PathInfo::Rest,
            request_buffering: true,
            intercept_errors: false,
            hidden: Vec::new(),
            processes_max: 64,
            queue: CgiQueue { requests_max: 256, timeout: Duration::from_secs(60) },
            rlimits: Vec::new(),
            working_directory: PathBuf::new(),
        }
    }
}

impl Default for Autoindex {
    fn default() -> Self {
        Autoindex { random: false, on: false, exact_size: true, localtime: false, format: Some(Format::Html) }
    }
}

impl Default for Events {
    fn default() -> Self {
        Events { poller: None, worker_connections: 512, multi_accept: false, try_first: true }
    }
}

impl Default for ErrorLogDirective {
    fn default() -> Self {
        ErrorLogDirective { target: LogTarget::Stderr, level: ERROR_LEVEL }
    }
}

impl Default for Config {
    /// A server without an address.
    fn default() -> Self {
        Config {
            daemon: false,
            pid: None,
            user: None,
            rlimit_nofile: None,
            shutdown_timeout: None,
            ages: None,
            workers: 1,
            error_logs: vec![ErrorLogDirective::default()],
            inner_error_logs: Vec::new(),
            log_paths_max: 0,
            zones: Zones::default(),
            keeps_answer_heads: false,
            is_debugged: false,
            events: Events::default(),
            listeners: Vec::new(),
            access_logs: Vec::new(),
            upstreams: Vec::new(),
            variables: Vec::new(),
            warnings: Vec::new(),
            review: super::problem::Review::default(),
            without_effect: Vec::new(),
            temp_folders: Vec::new(),
            texts: Vec::new(),
            secrets: Vec::new(),
        }
    }
}
