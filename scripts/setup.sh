#!/usr/bin/env bash
# Installs what is missing to build, test, lint and run a town, and nothing else. Usage: scripts/setup.sh [test|js|lint|town|all]
#
# Asks nothing. When everything is there it takes well under two seconds and needs no network. System packages come from apt; on
# other systems it names what to install and fails. A missing dependency is always a failure, here and in CI.
set -euo pipefail
cd "$(dirname "$0")/.."

GOLANGCI_VERSION=v2.15.0

say() { printf 'setup: %s\n' "$*"; }
die() {
	printf 'setup: %s\n' "$*" >&2
	exit 1
}

missing=()

# need COMMAND[|COMMAND…] PACKAGE…: any one of the commands will do.
need() {
	local command
	for command in ${1//|/ }; do
		if command -v "$command" >/dev/null; then return; fi
	done
	missing+=("${@:2}")
}

install_missing() {
	((${#missing[@]} == 0)) && return
	command -v apt-get >/dev/null || die "please install: ${missing[*]}"
	local root=()
	if ((EUID != 0)); then
		command -v sudo >/dev/null || die "please install (root is needed): ${missing[*]}"
		root=(sudo -n)
	fi
	say "installing ${missing[*]}"
	"${root[@]}" apt-get update -qq
	"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
	missing=()
}

check_go() {
	command -v go >/dev/null || die "Go is missing: install the version named in go.mod from https://go.dev/dl/"
	# Where the installed Go is too old it fetches the right one or says so itself.
	go version >/dev/null || die "this Go cannot build the module: see go.mod for the version it needs"
	# The race detector links C.
	need 'gcc|clang|cc' gcc libc6-dev
}

check_node() {
	need node nodejs
	need npm npm
}

check_browser() {
	check_node
	need 'chromium|chromium-browser|google-chrome' chromium fonts-dejavu-core
}

# Debian keeps the server's programs outside of the PATH; the tests find them there.
check_postgres() {
	if compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then return; fi
	need initdb postgresql
}

check_node_version() {
	local major
	major=$(node -p 'process.versions.node.split(".")[0]')
	((major >= 20)) || die "the TypeScript client and the browser tests need Node 20 or newer, this is $(node --version)"
}

# install_npm_packages FOLDER…
install_npm_packages() {
	local folder installed
	for folder in "$@"; do
		installed=$folder/node_modules/.package-lock.json
		[[ $installed -nt $folder/package-lock.json ]] && continue
		say "installing the npm packages of $folder"
		npm ci --prefix "$folder" --no-audit --no-fund --loglevel=error
		touch "$installed"
	done
}

install_golangci() {
	local stamp
	stamp=".tools/golangci-lint-$GOLANGCI_VERSION-$(go env GOVERSION)"
	[[ -e $stamp && -x .tools/golangci-lint ]] && return
	say "building golangci-lint $GOLANGCI_VERSION; this takes some minutes, once"
	mkdir -p .tools
	rm -f .tools/golangci-lint-*
	GOBIN="$PWD/.tools" go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$GOLANGCI_VERSION"
	touch "$stamp"
}

# The server of the very module that the binary embeds, so that its version is pinned in one place.
install_nats() {
	local version stamp
	version=$(go list -m -f '{{.Version}}' github.com/nats-io/nats-server/v2)
	stamp=".tools/nats-server-$version-$(go env GOVERSION)"
	[[ -e $stamp && -x .tools/nats-server ]] && return
	say "building nats-server $version"
	mkdir -p .tools
	rm -f .tools/nats-server-*
	GOBIN="$PWD/.tools" CGO_ENABLED=0 go install "github.com/nats-io/nats-server/v2@$version"
	touch "$stamp"
}

# nginx is unpacked, not installed: installed it would serve on port 80 at once.
install_nginx() {
	[[ -x .tools/nginx ]] && return
	mkdir -p .tools
	if command -v nginx >/dev/null; then
		ln -sf "$(command -v nginx)" .tools/nginx
		return
	fi
	command -v apt-get >/dev/null || die "please install nginx"
	say "unpacking nginx"
	local dir
	dir=$(mktemp -d)
	(cd "$dir" && apt-get download -qq nginx >/dev/null 2>&1) || die "nginx cannot be downloaded: please install it"
	dpkg -x "$dir"/nginx_*.deb "$dir"
	mv "$dir/usr/sbin/nginx" .tools/nginx
	rm -rf "$dir"
	.tools/nginx -v 2>/dev/null || die "the unpacked nginx lacks a library: please install nginx"
}

for_town() {
	check_go
	compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || need initdb postgresql
	install_missing
	install_nats
	install_nginx
}

for_test() {
	check_go
	check_browser
	check_postgres
	install_missing
	check_node_version
	install_npm_packages test/e2e clients/js web
}

for_js() {
	check_node
	install_missing
	check_node_version
	install_npm_packages clients/js
}

for_web() {
	check_node
	install_missing
	check_node_version
	install_npm_packages web
}

for_lint() {
	check_go
	need shellcheck shellcheck
	install_missing
	install_golangci
}

case ${1:-all} in
test) for_test ;;
js) for_js ;;
web) for_web ;;
lint) for_lint ;;
town) for_town ;;
all)
	for_test
	for_town
	for_lint
	;;
*) die "usage: scripts/setup.sh [test|js|lint|town|all]" ;;
esac
