#!/bin/sh
# Fetches the foreign programs that `make test-peers` talks to and `make bench` measures beside, without root, into a
# folder: Debian packages by apt-get and dpkg-deb, from wherever this machine's apt gets its packages. What is installed
# already is used as it is.
# Usage: peers.sh DIRECTORY
set -eu
mkdir -p "$1"
peers="$(cd "$1" && pwd)"
root="$peers/root"
mkdir -p "$peers/bin" "$peers/packages" "$root"

# Lists of our own, for a machine whose package lists were thrown away.
own_lists="-o Dir::State=$peers/apt/state -o Dir::Cache=$peers/apt/cache"

download() {  # PACKAGE…
    (cd "$peers/packages" && apt-get -qq -o APT::Sandbox::User=root download "$@") && return 0
    mkdir -p "$peers/apt/state/lists/partial" "$peers/apt/cache/archives/partial"
    # shellcheck disable=SC2086  words are meant to split
    apt-get -qq $own_lists update
    # shellcheck disable=SC2086
    (cd "$peers/packages" && apt-get -qq $own_lists -o APT::Sandbox::User=root download "$@")
}

closure() {  # PACKAGE: it and what it needs that is not installed
    apt-get --simulate -o Debug::NoLocking=1 --no-install-recommends install "$1" 2>/dev/null | sed -n 's/^Inst \([^ ]*\) .*/\1/p'
}

# A wrapper, so that the program finds the libraries that came with it.
link() {  # PROGRAM PATH-IN-PACKAGE
    libraries="$(find "$root" -type d -path '*/lib/*-linux-gnu*' -maxdepth 4 2>/dev/null | tr '\n' ':')"
    printf '#!/bin/sh\nLD_LIBRARY_PATH="%s${LD_LIBRARY_PATH:-}" exec "%s" "$@"\n' "$libraries" "$root/$2" >"$peers/bin/$1"
    chmod +x "$peers/bin/$1"
}

need() {  # PROGRAM PACKAGE PATH-IN-PACKAGE [alone: the package without what it depends on]
    if [ -x "$peers/bin/$1" ] || PATH="$peers/bin:$PATH" command -v "$1" >/dev/null 2>&1; then
        return 0
    fi
    if [ -x "$root/$3" ]; then
        link "$1" "$3"
        return 0
    fi
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "cannot fetch $1: this system has no apt-get; install $2 yourself, then run make peers again" >&2
        exit 1
    fi
    echo "fetching $1"
    rm -f "$peers/packages"/*.deb
    if [ "${4:-}" = alone ]; then
        download "$2"
    else
        # shellcheck disable=SC2046
        download $(closure "$2")
    fi
    for package in "$peers/packages"/*.deb; do
        dpkg-deb -x "$package" "$root"
    done
    rm -f "$peers/packages"/*.deb
    link "$1" "$3"
}

# Prometheus depends on scripts of its web pages only, which no test opens.
need prometheus prometheus usr/bin/prometheus alone
need promtool prometheus usr/bin/promtool alone
# Of what VictoriaMetrics depends on, libzstd1 alone is linked to, and dpkg itself cannot do without that.
need victoria-metrics victoria-metrics usr/bin/victoria-metrics alone
need vmagent victoria-metrics usr/bin/vmagent alone
need tmux tmux usr/bin/tmux
need chromium chromium usr/lib/chromium/chromium
need bwrap bubblewrap usr/bin/bwrap alone
# It looks for its templates where the package would have put them, and at no other place.
need alertmanager prometheus-alertmanager usr/bin/prometheus-alertmanager alone
if [ -x "$root/usr/bin/prometheus-alertmanager" ] && ! grep -q bwrap "$peers/bin/alertmanager"; then
    printf '#!/bin/sh\nexec "%s" --die-with-parent --dev-bind / / --tmpfs /usr/share --ro-bind "%s" /usr/share/prometheus -- "%s" "$@"\n' \
        "$peers/bin/bwrap" "$root/usr/share/prometheus" "$root/usr/bin/prometheus-alertmanager" >"$peers/bin/alertmanager"
fi
