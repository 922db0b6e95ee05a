#!/bin/sh
# Installs the Nagare agent of one server on this host; served by that server, run by the line that `nagare tokens mint`
# prints. It is one function that its last line calls, in braces: a shell that gets less than all of it runs nothing.
#
#   --user          below ~/.local/share/nagare and without a service; without root or systemd always so
#   --data DIR      another directory than that, or than /var/lib/nagare
#   --foreground    run the agent right here once it is installed (with --user)
#   --uninstall     take the agent away; who it is and what it could not send stay
#   --purge         with --uninstall: those too
#
# NAGARE_JOIN_TOKEN in the environment lets this host in; a host that has joined needs none to get another version.

nagare_install() {
    set -eu
    umask 077
    LC_ALL=C
    export LC_ALL

    server=@URL@
    digest_x86_64=@DIGEST_x86_64@
    digest_aarch64=@DIGEST_aarch64@
    # Empty where the server speaks no TLS, or has a certificate that the system trusts.
    authority() {
        cat <<'NAGARE_AUTHORITY'
@AUTHORITY@
NAGARE_AUTHORITY
    }

    # The first line of a unit that may be replaced and removed.
    mark='# Made by install.sh of a Nagare server'

    token=${NAGARE_JOIN_TOKEN:-}
    unset NAGARE_JOIN_TOKEN

    say() { printf 'nagare: %s\n' "$*" >&2; }
    die() {
        status=$1
        shift
        say "$*"
        exit "$status"
    }

    user=no foreground=no uninstall=no purge=no data=''
    while [ $# -gt 0 ]; do
        case "$1" in
            --user) user=yes ;;
            --foreground) foreground=yes ;;
            --uninstall) uninstall=yes ;;
            --purge) purge=yes ;;
            --data)
                [ $# -gt 1 ] || die 2 "cannot read option --data: a directory must follow"
                data=$2
                shift
                ;;
            *) die 2 "cannot read option $1: known are --user --data --foreground --uninstall --purge" ;;
        esac
        shift
    done

    [ "$(uname -s)" = Linux ] || die 2 "the agent is for Linux; this is $(uname -s)"
    case "$(uname -m)" in
        x86_64 | amd64) arch=x86_64 digest=$digest_x86_64 ;;
        aarch64 | arm64) arch=aarch64 digest=$digest_aarch64 ;;
        *) die 2 "there is no agent for $(uname -m): it runs on x86_64 and aarch64" ;;
    esac

    if [ "$user" = no ]; then
        if [ "$(id -u)" -ne 0 ]; then
            say "not root: installing for this user alone"
            user=yes
        elif [ ! -d /run/systemd/system ]; then
            say "no systemd: installing for this user alone, without a service"
            user=yes
        fi
    fi
    if [ "$user" = yes ]; then
        [ -n "$data" ] || [ -n "${HOME:-}" ] || die 2 "cannot install for a user without HOME"
        data=${data:-$HOME/.local/share/nagare}
        place=$data/agent
        account=''
    else
        [ "$foreground" = no ] || die 2 "--foreground goes with --user: here the agent is a service"
        data=${data:-/var/lib/nagare}
        # The service may not write its own program.
        place=/usr/local/lib/nagare
        account=nagare
    fi
    case "$data" in
        /*) ;;
        *) data=$PWD/$data ;;
    esac
    data=${data%/}
    # It stands in a unit, where other letters mean something.
    case "$data" in
        '' | *[!A-Za-z0-9/._+@-]*) die 2 "cannot use directory $data: letters, digits and /._+@- only; name another with --data" ;;
    esac
    file=$place/nagare-agent.pyz
    unit=/etc/systemd/system/nagare-agent.service
    if [ "$user" = no ] && [ -f "$unit" ] && ! grep -q "^$mark\$" "$unit"; then
        die 7 "$unit was not made by this script: remove it first, or give --user"
    fi

    if [ "$uninstall" = yes ]; then
        [ "$purge" = no ] || [ ! -e "$data/catalog.db" ] || die 7 "cannot purge $data: a server keeps its data there"
        if [ "$user" = no ] && [ -f "$unit" ]; then
            systemctl disable --now --quiet nagare-agent || say "cannot stop the service"
            rm -f "$unit"
            systemctl daemon-reload
        fi
        rm -f "$file"
        [ "$user" = yes ] || rmdir "$place" 2>/dev/null || :
        rm -rf "$data/agent"
        if [ "$purge" = yes ]; then
            rm -rf "$data/spool"
            rmdir "$data" 2>/dev/null || :
            say "the agent is gone, with its identity and what it had collected"
        else
            say "the agent is gone; its identity and what it could not send stay in $data/spool (--purge takes them too)"
        fi
        exit 0
    fi

    [ -n "$digest" ] || die 5 "the server has no agent for $arch; on the server: nagare bundle build --arch $arch, then nagare bundle publish FILE"
    if [ -z "$token" ] && [ ! -f "$data/spool/identity.json" ]; then
        die 2 "NAGARE_JOIN_TOKEN is not set: paste the whole line that nagare tokens mint printed"
    fi

    # Every CPython that may do, the system's own first; which of them the file is for it says itself below.
    pythons=''
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        for candidate in "/usr/bin/$name" "/usr/local/bin/$name" "$name"; do
            found=$(command -v "$candidate" 2>/dev/null) || continue
            found=$("$found" -I -c 'import platform, sys
fits = (3, 11) <= sys.version_info[:2] <= (3, 14) and platform.python_implementation() == "CPython"
print(sys.executable if fits and " " not in sys.executable else "")' 2>/dev/null) || continue
            case " $pythons " in
                *" $found "*) ;;
                *) pythons="$pythons $found" ;;
            esac
        done
    done
    [ -n "$pythons" ] || die 2 "no Python here that the agent runs on: it needs CPython 3.11, 3.12, 3.13 or 3.14; install one (apt install python3, dnf install python3.11 ...) and run this again"
    any_python=${pythons# }
    any_python=${any_python%% *}

    pin=''
    if [ -n "$account" ]; then
        # The agent joins as what it will be as a service, and sees what that sees: nothing of root's folders or settings.
        cd /
        export HOME="$data"
        for name in $(env | sed -n 's/^\(NAGARE_[A-Z0-9_]*\)=.*/\1/p'); do
            say "$name is not for a service and was left out: put the setting into /etc/nagare/nagare.toml"
            unset "$name"
        done
        unset TMPDIR XDG_CONFIG_HOME XDG_STATE_HOME XDG_CACHE_HOME
    fi
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP

    if [ -n "$token" ]; then
        # printf is the shell's own: the token stands in no process's arguments.
        printf '%s\n' "$token" >"$work/join.token"
        token=''
        # Where hosts reach the server is what the operator said when the token was minted.
        said=$("$any_python" -I -c 'import base64, json, re, sys
secret, point, address = open(sys.argv[1]).read().strip().partition(".")
found = json.loads(base64.urlsafe_b64decode(address + "=" * (-len(address) % 4)))
url = found["url"].rstrip("/")
assert secret.startswith("ngj_") and re.fullmatch(r"https?://[A-Za-z0-9.:_\[\]-]+", url)
print(url, base64.b64encode(bytes.fromhex(found.get("pin", ""))).decode())' "$work/join.token" 2>/dev/null) || die 2 "cannot read NAGARE_JOIN_TOKEN: it is no join token; paste the whole line that nagare tokens mint printed"
        server=${said%% *}
        pin=${said#* }
    fi

    url=$server/api/v1/agent/bundle/$arch
    trusted=''
    authority >"$work/authority.pem"
    case "$server" in
        https:*) if grep -q CERTIFICATE "$work/authority.pem"; then trusted=$work/authority.pem pin=''; fi ;;
        *) pin='' ;;
    esac
    say "fetching the agent from $server"
    if command -v curl >/dev/null 2>&1; then
        curl -fsS --retry 3 --proto "=${server%%:*}" --connect-timeout 20 --max-time 600 --max-filesize 33554432 \
            ${trusted:+--cacert "$trusted"} ${pin:+-k --pinnedpubkey "sha256//$pin"} -o "$work/agent.pyz" "$url" || die 3 "cannot fetch $url"
    elif command -v wget >/dev/null 2>&1; then
        wget -q --tries 3 --timeout 60 --max-redirect 0 ${trusted:+--ca-certificate "$trusted"} \
            ${pin:+--no-check-certificate --pinnedpubkey "sha256//$pin"} \
            -O "$work/agent.pyz" "$url" || die 3 "cannot fetch $url"
    else
        die 2 "neither curl nor wget is here: install one of them"
    fi
    got=$("$any_python" -I -c 'import hashlib, sys
print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$work/agent.pyz")
    [ "$got" = "$digest" ] || die 9 "what came from $url is not the agent that this script was written for: its SHA-256 is $got, not $digest; nothing was installed. If the server has published another one just now, run the line again"

    as_agent() {
        if [ -n "$account" ]; then setpriv --reuid "$account" --regid "$(id -g "$account")" --init-groups --no-new-privs -- "$@"; else "$@"; fi
    }
    if [ -n "$account" ]; then
        command -v setpriv >/dev/null 2>&1 || die 2 "setpriv (util-linux) is needed to join as another user than root: install it"
        id "$account" >/dev/null 2>&1 \
            || useradd --system --user-group --home-dir "$data" --no-create-home --shell /usr/sbin/nologin "$account" \
            || die 6 "cannot make the system user $account"
        if [ ! -d "$data" ]; then
            # Those above it are for everybody to pass.
            (umask 022 && mkdir -p "${data%/*}/")
            mkdir "$data"
            chown "$account:" "$data"
        fi
        chmod 0711 "$work"
        chmod 0644 "$work/agent.pyz"
        [ ! -f "$work/join.token" ] || chown "$account:" "$work/join.token"
    else
        mkdir -p "$data"
    fi

    # The file itself refuses a Python or a C library that it is not for.
    python=''
    for candidate in $pythons; do
        if as_agent "$candidate" -I "$work/agent.pyz" --data "$data" --help >/dev/null 2>"$work/refusal"; then
            python=$candidate
            break
        fi
    done
    if [ -z "$python" ]; then
        cat "$work/refusal" >&2
        die 2 "no Python here runs this agent (tried:$pythons); nothing was installed"
    fi

    if [ -f "$work/join.token" ]; then
        (
            NAGARE_AGENT__JOIN_TOKEN_FILE=$work/join.token
            export NAGARE_AGENT__JOIN_TOKEN_FILE
            as_agent "$python" -I "$work/agent.pyz" --data "$data" --join
        ) || die $? "this host has not joined $server; nothing was installed"
    fi

    if [ -n "$account" ]; then (umask 022 && mkdir -p "$place"); else mkdir -p "$place"; fi
    cp "$work/agent.pyz" "$place/.new.pyz"
    [ -z "$account" ] || chmod 0644 "$place/.new.pyz"
    mv -f "$place/.new.pyz" "$file"
    rm -rf "$work"

    if [ "$user" = yes ]; then
        if [ "$foreground" = yes ]; then exec "$python" -I "$file" --data "$data" </dev/null; fi
        say "the agent is installed; run it with: $python -I $file --data $data"
        exit 0
    fi

    cat >"$unit.new" <<NAGARE_UNIT
$mark
[Unit]
Description=Nagare agent
Wants=network-online.target
After=network-online.target

[Service]
User=$account
ExecStart=$python -I $file --data $data
ExecReload=/bin/kill -HUP \$MAINPID
Restart=on-failure
RestartSec=5
TimeoutStopSec=30
UMask=0077
MemoryMax=256M
TasksMax=128
# ICMP probes and the input and output of other users' processes need these; nothing else is ever gained.
AmbientCapabilities=CAP_NET_RAW CAP_SYS_PTRACE
CapabilityBoundingSet=CAP_NET_RAW CAP_SYS_PTRACE
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=$data
# Read-only rather than hidden: file systems below are measured too.
ProtectHome=read-only
PrivateTmp=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
ProtectHostname=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
NAGARE_UNIT
    chmod 0644 "$unit.new"
    mv -f "$unit.new" "$unit"
    systemctl daemon-reload
    # What fails does so at once, or after the moment that systemd takes for started.
    { systemctl enable --quiet nagare-agent && systemctl restart nagare-agent && sleep 2 && systemctl is-active --quiet nagare-agent; } \
        || die 3 "the service does not start: see journalctl -u nagare-agent"
    say "the agent runs as the service nagare-agent"
}

{ nagare_install "$@"; }
