# A C cross-compiler. Source this file with a directory as argument: it installs PyPI's ziglang there, which has a C
# compiler, a linker, and the headers and library symbols of the BSDs and macOS.

zig_version=0.17.1 # the first tested version that links for all of them
zig_dir=$1/ziglang-$zig_version
if [ ! -d "$zig_dir" ]; then
    python3 -m pip install --quiet --root-user-action=ignore --no-deps --target "$zig_dir.part" "ziglang==$zig_version"
    mv "$zig_dir.part" "$zig_dir"
fi

# zig_cc ARGUMENTS...: works as cc. Clears LD_LIBRARY_PATH, which the caller sets for the libraries of rustc.
zig_cc() {
    ZIG_GLOBAL_CACHE_DIR=$zig_dir/cache PYTHONPATH=$zig_dir LD_LIBRARY_PATH='' python3 -m ziglang cc "$@"
}

# zig_linker TARGET: prints a script that cargo can use as the linker for TARGET.
#
# Rust's libc crate links some libraries that zig does not have. Nothing here uses them, so empty ones are enough. The
# library of crypt(3) is one with that function: whether the system's library has it, this cannot show.
zig_linker() {
    local stubs=$zig_dir/stubs-$1 file files source
    mkdir -p "$stubs"
    case $1 in
        *-freebsd) files="libkvm.so libmemstat.so libprocstat.so libdevstat.so libcrypt.so" ;;
        *-netbsd) files=libcrypt.so ;;
        *-macos) files="libiconv.dylib" ;;
        *) files= ;;
    esac
    echo 'extern int unused;' >"$stubs/empty.c"
    echo 'char *crypt(char *key, char *setting) { return key ? setting : key; }' >"$stubs/crypt.c"
    for file in $files; do
        source=empty
        [ "$file" != libcrypt.so ] || source=crypt
        [ -f "$stubs/$file" ] || zig_cc -target "$1" -shared -o "$stubs/$file" "$stubs/$source.c"
    done
    cat <<EOF
#!/bin/sh
export ZIG_GLOBAL_CACHE_DIR='$zig_dir/cache' PYTHONPATH='$zig_dir' LD_LIBRARY_PATH=
exec python3 -m ziglang cc -target $1 "\$@" -L '$stubs'
EOF
}
