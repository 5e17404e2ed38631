#!/usr/bin/env bash
# Runs Neo4j Community from Maven's artefacts on this machine: server.sh start | stop | status
#
# State (data, logs, pid, password) lives in $ZHIHENG_HOME/neo4j, default var/neo4j. Settings, all optional:
#   ZHIHENG_NEO4J_PASSWORD   password of user neo4j, 8 characters or more; counts on the first start only.
#                            Without it one is made up and kept in <state>/password, readable by its owner alone.
#   ZHIHENG_NEO4J_PORT       Bolt port on 127.0.0.1, default 7687
#   ZHIHENG_NEO4J_HEAP       heap of the server, default 1g; ZHIHENG_NEO4J_PAGECACHE its page cache, default 256m
#   JAVA_HOME, MAVEN_ARGS    as usual
set -euo pipefail
umask 077

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
state=${ZHIHENG_HOME:-$here/../../var}/neo4j
mkdir -p "$state/conf" "$state/logs"
state=$(cd "$state" && pwd)
port=${ZHIHENG_NEO4J_PORT:-7687}
heap=${ZHIHENG_NEO4J_HEAP:-1g}
pagecache=${ZHIHENG_NEO4J_PAGECACHE:-256m}
pid_file=$state/server.pid
console=$state/logs/console.log
uri=bolt://127.0.0.1:$port

say() { printf '== %s\n   %s\n' "$1" "$2"; }
refuse() { printf '错误：%s\nError: %s\n' "$1" "$2" >&2; exit 1; }

java_command() {
    local java=java version
    [ -z "${JAVA_HOME:-}" ] || java=$JAVA_HOME/bin/java
    command -v "$java" >/dev/null || refuse \
        "没有找到 Java。请安装 Java 17（Debian/Ubuntu：apt install openjdk-17-jre-headless），或设置 JAVA_HOME。" \
        "there is no Java. Install Java 17 (Debian/Ubuntu: apt install openjdk-17-jre-headless) or set JAVA_HOME."
    version=$("$java" -version 2>&1 | sed -nE '1s/.* version "([0-9]+).*/\1/p')
    [ "${version:-0}" -ge 17 ] || refuse \
        "Neo4j 5.26 需要 Java 17 或 21，现为 ${version:-未知版本}。请安装后设置 JAVA_HOME。" \
        "Neo4j 5.26 needs Java 17 or 21, this is ${version:-unknown}. Install one and set JAVA_HOME."
    printf '%s' "$java"
}

# Prints the pid of the server of this state folder while it runs. The arguments file in its command line tells
# it from a process that was given the same pid later.
running() {
    local pid
    pid=$(cat "$pid_file" 2>/dev/null) || return 1
    ps -p "$pid" -o args= 2>/dev/null | grep -qF "$state/server.args" || return 1
    printf '%s' "$pid"
}

# Writes the jars' paths to <state>/classpath, once for each state of pom.xml.
fetch() {
    local classpath=$state/classpath wanted
    wanted=$(cksum <"$here/pom.xml")
    if [ -s "$classpath" ] && [ "$(cat "$classpath.pom" 2>/dev/null)" = "$wanted" ] && jars_present; then return; fi
    command -v mvn >/dev/null || refuse \
        "没有找到 Maven。请安装（Debian/Ubuntu：apt install maven），或改用容器：docker compose -f deploy/compose.yaml up -d neo4j。" \
        "there is no Maven. Install it (Debian/Ubuntu: apt install maven), or use the container: docker compose -f deploy/compose.yaml up -d neo4j."
    say "正在通过 Maven 取得 Neo4j（首次约 128 MB）" "Fetching Neo4j through Maven (128 MB the first time)"
    mvn -q -B -f "$here/pom.xml" dependency:build-classpath -Dmdep.outputFile="$classpath.new" >"$state/logs/maven.log" 2>&1 || {
        tail -n 5 "$state/logs/maven.log" >&2
        refuse "Maven 未能取得 Neo4j，见 $state/logs/maven.log。请检查网络或 ~/.m2/settings.xml 中的镜像后重试。" \
            "Maven could not fetch Neo4j, see $state/logs/maven.log. Check the network or the mirror in ~/.m2/settings.xml and try again."
    }
    mv "$classpath.new" "$classpath"
    printf '%s' "$wanted" >"$classpath.pom"
}

jars_present() {
    local jar
    while IFS= read -r -d : jar; do [ -f "$jar" ] || return 1; done < <(cat "$state/classpath"; printf ':')
}

configure() {
    cat >"$state/conf/neo4j.conf" <<CONF
# Written by deploy/neo4j/server.sh at each start; change it there.
server.default_listen_address=127.0.0.1
server.bolt.listen_address=127.0.0.1:$port
server.http.enabled=false
server.https.enabled=false
server.memory.pagecache.size=$pagecache
db.tx_log.rotation.retention_policy=2 files
dbms.usage_report.enabled=false
CONF
}

# Java reads its arguments from a file, in which a backslash or a quote must be escaped.
quoted() { printf '"%s"\n' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"; }

arguments() { # $1: main class, the rest: its arguments
    printf '%s\n' -XX:+UseParallelGC -XX:+ExitOnOutOfMemoryError -Dfile.encoding=UTF-8 -Dlog4j2.disable.jmx=true
    for package in java.nio java.io sun.nio.ch java.util.concurrent; do
        printf -- '--add-opens=java.base/%s=ALL-UNNAMED\n' "$package"
    done
    printf '%s\n' -cp
    quoted "$(cat "$state/classpath")"
    for argument in "$@"; do quoted "$argument"; done
}

# The password goes to Java through a file, not through a command line that everybody on the machine can read.
set_password() {
    local java=$1 password=${ZHIHENG_NEO4J_PASSWORD:-} secret=$state/set-password.args
    [ ! -e "$state/password-is-set" ] || return 0
    if [ -z "$password" ]; then
        [ -s "$state/password" ] || LC_ALL=C od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$state/password"
        password=$(cat "$state/password")
    fi
    [ "${#password}" -ge 8 ] || refuse \
        "ZHIHENG_NEO4J_PASSWORD 至少需要 8 个字符。" "ZHIHENG_NEO4J_PASSWORD must have 8 characters or more."
    { printf '%s\n' -Xmx256m "$(quoted "-Dbasedir=$state")"
      arguments org.neo4j.server.startup.Neo4jAdminCommand dbms set-initial-password "$password"; } >"$secret"
    NEO4J_HOME=$state NEO4J_CONF=$state/conf "$java" "@$secret" >"$state/logs/password.log" 2>&1 || {
        rm -f "$secret"
        refuse "未能设置初始密码，见 $state/logs/password.log。" "The initial password could not be set, see $state/logs/password.log."
    }
    rm -f "$secret"
    touch "$state/password-is-set"
}

port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

start() {
    local java pid
    if pid=$(running); then say "Neo4j 已在运行（进程 $pid）" "Neo4j is running already (pid $pid)"; what_next; return; fi
    java=$(java_command)
    ! port_taken || refuse \
        "端口 $port 已被其他程序占用。请设置 ZHIHENG_NEO4J_PORT 后重试。" "Port $port is taken. Set ZHIHENG_NEO4J_PORT and try again."
    fetch
    configure
    set_password "$java"
    { printf '%s\n' "-Xms$heap" "-Xmx$heap"
      arguments org.neo4j.server.CommunityEntryPoint "--home-dir=$state" "--config-dir=$state/conf" --console-mode; } >"$state/server.args"
    say "正在启动 Neo4j（约 10 秒）" "Starting Neo4j (about 10 s)"
    # The server does not need to know the password, and its environment can be read under /proc.
    NEO4J_HOME=$state NEO4J_CONF=$state/conf nohup env -u ZHIHENG_NEO4J_PASSWORD "$java" "@$state/server.args" \
        >"$console" 2>&1 </dev/null &
    printf '%s' "$!" >"$pid_file"
    for _ in $(seq 240); do
        ! grep -qE ' Started\.$' "$console" || { what_next; return; }
        running >/dev/null || break
        sleep 0.5
    done
    tail -n 20 "$console" >&2
    stop >/dev/null
    refuse "Neo4j 未能启动，见 $console。" "Neo4j did not start, see $console."
}

what_next() {
    local where_zh="环境变量 ZHIHENG_NEO4J_PASSWORD" where_en="in the environment, ZHIHENG_NEO4J_PASSWORD"
    if [ -s "$state/password" ]; then where_zh=$state/password where_en=$state/password; fi
    say "Neo4j 已就绪：$uri，用户 neo4j，密码在：$where_zh" "Neo4j is ready at $uri, user neo4j, password: $where_en"
    say "下一步：zhiheng graph push 把关系图写入；停止：deploy/neo4j/server.sh stop" \
        "Next: zhiheng graph push loads the graph. To stop it: deploy/neo4j/server.sh stop"
}

stop() {
    local pid
    pid=$(running) || { rm -f "$pid_file"; say "Neo4j 没有在运行" "Neo4j is not running"; return; }
    kill "$pid"
    for _ in $(seq 120); do
        running >/dev/null || { rm -f "$pid_file"; say "Neo4j 已停止" "Neo4j has stopped"; return; }
        sleep 0.5
    done
    refuse "Neo4j（进程 $pid）在 60 秒内没有停止，见 $console。" "Neo4j (pid $pid) did not stop within 60 s, see $console."
}

status() {
    local pid
    if pid=$(running); then say "Neo4j 正在运行（进程 $pid）：$uri" "Neo4j is running (pid $pid) at $uri"; return; fi
    say "Neo4j 没有在运行。启动：make neo4j" "Neo4j is not running. To start it: make neo4j"
    return 3
}

case ${1:-} in
    start | stop | status) "$1" ;;
    *) refuse "用法：server.sh start | stop | status" "usage: server.sh start | stop | status" ;;
esac
