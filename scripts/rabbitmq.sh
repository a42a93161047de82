#!/usr/bin/env bash
# A RabbitMQ server of this checkout's own:  rabbitmq.sh start | stop | running | port | password
#
# Debian's server program with its data in .rabbitmq, free ports of 127.0.0.1 and a port mapper (epmd) of its own, run by
# the user who calls this. User and virtual host are aiida and anhcsp.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

RABBITMQ="$ROOT/.rabbitmq"
SERVER=/usr/lib/rabbitmq/bin/rabbitmq-server
PID="$RABBITMQ/server.pid"

setting() { sed -n "s/^$1 = //p" "$RABBITMQ/rabbitmq.conf"; }
port() { setting listeners.tcp.local | cut -d : -f 2; }
running() { kill -0 "$(cat "$PID" 2>/dev/null)" 2>/dev/null; }
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$(port)") 2>/dev/null; }

write_settings() {
    mkdir -m 700 -p "$RABBITMQ"
    cat >"$RABBITMQ/rabbitmq.conf" <<CONF
listeners.tcp.local = 127.0.0.1:$(free_port)
default_user = aiida
default_pass = $("$VENV/bin/python" -c 'import secrets; print(secrets.token_hex(16))')
default_vhost = anhcsp
CONF
    # a task of AiiDA lasts as long as its process; the server would take it back after half an hour
    echo '[{rabbit, [{consumer_timeout, undefined}]}].' >"$RABBITMQ/advanced.config"
    echo '[].' >"$RABBITMQ/enabled_plugins"
    printf 'ERL_EPMD_PORT=%s\nRABBITMQ_DIST_PORT=%s\n' "$(free_port)" "$(free_port)" >"$RABBITMQ/ports"
    chmod 600 "$RABBITMQ"/*
}

load_settings() {
    set -a
    . "$RABBITMQ/ports"
    HOME="$RABBITMQ" # the Erlang cookie
    ERL_EPMD_ADDRESS=127.0.0.1
    RABBITMQ_NODENAME=anhcsp@localhost
    RABBITMQ_CONF_ENV_FILE="$RABBITMQ/ports"
    RABBITMQ_CONFIG_FILE="$RABBITMQ/rabbitmq.conf"
    RABBITMQ_ADVANCED_CONFIG_FILE="$RABBITMQ/advanced.config"
    RABBITMQ_ENABLED_PLUGINS_FILE="$RABBITMQ/enabled_plugins"
    RABBITMQ_MNESIA_BASE="$RABBITMQ/data"
    RABBITMQ_LOG_BASE="$RABBITMQ/log"
    RABBITMQ_PID_FILE="$PID"
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}'
    set +a
}

start() {
    [ -x "$SERVER" ] || fail "no RabbitMQ server; as root: apt-get install rabbitmq-server"
    running && return
    [ -s "$RABBITMQ/ports" ] || write_settings
    load_settings
    rm -f "$PID"
    (cd / && exec setsid "$SERVER") >"$RABBITMQ/server.log" 2>&1 </dev/null & # nothing of it holds the caller's output
    for _ in $(seq 120); do
        if answers; then return; fi
        sleep 0.5
    done
    fail "RabbitMQ did not start; see $RABBITMQ/server.log and $RABBITMQ/log"
}

stop() {
    [ -s "$RABBITMQ/ports" ] || return 0
    load_settings
    if running; then
        local server
        server="$(cat "$PID")" # the server removes the file before it has ended
        kill "$server"
        for _ in $(seq 120); do
            kill -0 "$server" 2>/dev/null || break
            sleep 0.25
        done
    fi
    epmd -kill >/dev/null 2>&1 || true # the port mapper of this server only: ERL_EPMD_PORT
}

case "${1:-}" in
start) start ;;
stop) stop ;;
running) if running; then echo yes; else echo no; fi ;;
port) port ;;
password) setting default_pass ;;
*) fail "usage: rabbitmq.sh start | stop | running | port | password" ;;
esac
