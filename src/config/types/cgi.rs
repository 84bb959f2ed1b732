//! Programs that answer requests: CGI/1.1 (RFC 3875).

use super::Template;
use std::path::PathBuf;
use std::time::Duration;

/// The `cgi` directives of a level on which programs answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Cgi {
    /// `cgi_pass`: this program answers. `None`: `cgi on`, the file that the URL names is the program.
    pub pass: Option<CgiPass>,
    /// `cgi_extension`: only URLs with a segment that ends so are answered by a program; empty: all are. With their
    /// dot, in lower case: on a file system that ignores case, `x.PY` must not be shown as text.
    pub extensions: Vec<String>,
    /// `cgi_interpreter`: what runs files that end so, instead of the kernel. Extensions as above, absolute paths.
    pub interpreters: Vec<(String, PathBuf)>,
    /// `cgi_param`: further variables of the environment, in order.
    pub params: Vec<CgiParam>,
    /// `cgi_timeout`: how long a program may run in all. Default 60 s.
    pub timeout: Duration,
    /// `cgi_idle_timeout`: how long it may neither read nor write. Default 30 s.
    pub idle_timeout: Duration,
    /// `cgi_path_info`. Default on: what follows the script.
    pub path_info: PathInfo,
    /// `cgi_request_buffering`: a body of unknown length is stored before the program starts, so that it is told
    /// CONTENT_LENGTH. Default on.
    pub request_buffering: bool,
    /// `cgi_max_processes`: programs that run at once, per worker. Default 64.
    pub processes_max: usize,
    /// `cgi_rlimit`: what the programs may use, each resource once.
    pub rlimits: Vec<Rlimit>,
    /// The server's working directory, which a relative `root` begins at. Programs run elsewhere, and are told
    /// absolute paths.
    pub working_directory: PathBuf,
}

/// `cgi_pass PROGRAM;`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CgiPass {
    /// The program, absolute.
    pub program: PathBuf,
    /// Bytes of the URL's path that are the prefix of the location in which the directive stands; 0 if it has a name.
    pub prefix_bytes: usize,
}

/// `cgi_param NAME VALUE;`
#[derive(Clone, PartialEq, Debug)]
pub struct CgiParam {
    /// Letters, digits and underscores. One that the server sets too is replaced.
    pub name: String,
    /// Variables are put in as they are.
    pub value: Template,
}

/// `cgi_path_info on|uri;`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PathInfo {
    /// PATH_INFO is what follows the script in the URL (RFC 3875 section 4.1.5).
    Rest,
    /// PATH_INFO is the whole path of the URL, as some programs want it.
    Uri,
}

/// `cgi_rlimit NAME VALUE;`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rlimit {
    /// Of what.
    pub resource: Resource,
    /// How much, in the resource's unit.
    pub limit: u64,
}

/// What a program can be limited in: getrlimit(2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Resource {
    /// `cpu`: processor time in seconds.
    Cpu,
    /// `as`: memory that is mapped, in bytes.
    AddressSpace,
    /// `nofile`: the highest number of a descriptor, plus one.
    OpenFiles,
    /// `fsize`: the size of a file that it writes, in bytes.
    FileSize,
    /// `core`: the size of a core dump, in bytes.
    Core,
    /// `nproc`: processes of the user that it runs as.
    Processes,
}
