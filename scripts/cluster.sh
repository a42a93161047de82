#!/usr/bin/env bash
# A cluster of one machine, of this checkout's own:  cluster.sh start | stop | running | home
#
# Slurm (munged, slurmctld, slurmd: two partitions, cpu and gpu) behind an SSH server on a free port of 127.0.0.1, all
# run by the user who calls this, all in .cluster. With HOME=`cluster.sh home`, ssh knows the host anhcsp-cluster.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

PATH="$PATH:/usr/sbin"
CLUSTER="$ROOT/.cluster"
USER_NAME="$(id -un)"
HOST="$(hostname -s)"
SERVERS=(sshd slurmd slurmctld munged)

signal() { kill "-$2" "$(cat "$CLUSTER/$1.pid" 2>/dev/null)" 2>/dev/null; }
is_alive() { signal "$1" 0; }

running() {
    local server
    for server in "${SERVERS[@]}"; do is_alive "$server" || return 1; done
}

write_slurm() {
    head -c 128 /dev/urandom >"$CLUSTER/munge.key"
    chmod 600 "$CLUSTER/munge.key"
    # the path of a Unix socket must be short, which the checkout's may not be
    mktemp -d /tmp/anhcsp-XXXXXX >"$CLUSTER/sockets"
    chmod 755 "$(cat "$CLUSTER/sockets")"
    cat >"$CLUSTER/slurm.conf" <<CONF
ClusterName=anhcsp
SlurmctldHost=$HOST(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser=$USER_NAME
SlurmdUser=$USER_NAME
AuthType=auth/munge
AuthInfo=socket=$(cat "$CLUSTER/sockets")/munge
CredType=cred/munge
StateSaveLocation=$CLUSTER/state
SlurmdSpoolDir=$CLUSTER/spool
SlurmctldPidFile=$CLUSTER/slurmctld.pid
SlurmdPidFile=$CLUSTER/slurmd.pid
SlurmctldLogFile=$CLUSTER/slurmctld.log
SlurmdLogFile=$CLUSTER/slurmd.log
JobCompType=jobcomp/filetxt
JobCompLoc=$CLUSTER/jobs.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0
ReturnToService=2
NodeName=$HOST NodeAddr=127.0.0.1 CPUs=$(getconf _NPROCESSORS_ONLN) State=UNKNOWN
PartitionName=cpu Nodes=$HOST Default=YES
PartitionName=gpu Nodes=$HOST
CONF
}

write_ssh() {
    local port
    port="$(free_port)"
    mkdir -m 700 "$CLUSTER/home" "$CLUSTER/home/.ssh"
    ssh-keygen -q -t ed25519 -N '' -C anhcsp -f "$CLUSTER/host_key"
    ssh-keygen -q -t ed25519 -N '' -C anhcsp -f "$CLUSTER/home/.ssh/id_ed25519"
    cp "$CLUSTER/home/.ssh/id_ed25519.pub" "$CLUSTER/authorized_keys"
    echo "[127.0.0.1]:$port $(cut -d ' ' -f 1,2 "$CLUSTER/host_key.pub")" >"$CLUSTER/home/.ssh/known_hosts"
    cat >"$CLUSTER/home/.ssh/config" <<CONF
Host anhcsp-cluster
    HostName 127.0.0.1
    Port $port
    User $USER_NAME
    IdentityFile $CLUSTER/home/.ssh/id_ed25519
    UserKnownHostsFile $CLUSTER/home/.ssh/known_hosts
CONF
    cat >"$CLUSTER/sshd.conf" <<CONF
ListenAddress 127.0.0.1
Port $port
HostKey $CLUSTER/host_key
PidFile $CLUSTER/sshd.pid
AuthorizedKeysFile $CLUSTER/authorized_keys
AllowUsers $USER_NAME
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UsePAM no
PrintMotd no
MaxStartups 100
MaxSessions 100
Subsystem sftp internal-sftp
SetEnv HOME=$CLUSTER/home SLURM_CONF=$CLUSTER/slurm.conf
CONF
}

start() {
    local missing=() program
    for program in munged slurmctld slurmd sbatch sshd ssh-keygen; do
        command -v "$program" >/dev/null || missing+=("$program")
    done
    if [ ${#missing[@]} -gt 0 ]; then
        say "No cluster, these programs are missing: ${missing[*]} (Debian: slurm-wlm munge openssh-server)"
        return
    fi
    running && return
    stop
    rm -rf "$CLUSTER"
    mkdir -m 755 -p "$CLUSTER" "$CLUSTER/state" "$CLUSTER/spool"
    write_slurm
    write_ssh
    munged --socket "$(cat "$CLUSTER/sockets")/munge" --key-file "$CLUSTER/munge.key" --num-threads 2 \
        --pid-file "$CLUSTER/munged.pid" --log-file "$CLUSTER/munged.log" --seed-file "$CLUSTER/munged.seed"
    export SLURM_CONF="$CLUSTER/slurm.conf"
    slurmctld -c
    slurmd
    [ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd  # where sshd locks itself in; Debian's service makes it
    "$(command -v sshd)" -f "$CLUSTER/sshd.conf" -E "$CLUSTER/sshd.log"
    for _ in $(seq 60); do
        if running && sinfo --noheader --states idle --format %n 2>/dev/null | grep -q .; then return; fi
        sleep 0.5
    done
    fail "the cluster did not start; see the logs in $CLUSTER"
}

stop() {
    local server
    if is_alive slurmctld; then
        SLURM_CONF="$CLUSTER/slurm.conf" timeout 20 scancel --full --user "$USER_NAME" || true
        sleep 1
    fi
    for server in "${SERVERS[@]}"; do
        signal "$server" TERM || continue
        for _ in $(seq 40); do
            is_alive "$server" || break
            sleep 0.25
        done
    done
    [ ! -s "$CLUSTER/sockets" ] || rm -rf "$(cat "$CLUSTER/sockets")"
}

case "${1:-}" in
start) start ;;
stop) stop ;;
running) if running; then echo yes; else echo no; fi ;;
home) echo "$CLUSTER/home" ;;
*) fail "usage: cluster.sh start | stop | running | home" ;;
esac
