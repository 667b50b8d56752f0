#!/bin/sh
# SPDX-License-Identifier: ISC
#
# A small certificate authority for tests and demonstrations.
#
#   mkpki.sh ca DIR [ALG ["CN=...,O=..."]]        DIR/ca.pem, DIR/ca.key
#   mkpki.sh host DIR NAME [ALG] "CN=...,O=..." [SAN ...]
#                                                 DIR/NAME.pem, DIR/NAME.key
#   mkpki.sh revoke DIR NAME                      then make a new crl
#   mkpki.sh crl DIR                              DIR/crl.pem
#
# ALG: ed25519 (default), p256, p384, rsa.  SAN as OpenSSL writes it, such as
# DNS:gm-01.example, IP:10.1.0.2, email:ops@example.  Names are RFC 4514, as
# mike.conf has them: the last RDN of the text is the first of the
# certificate.  Keys are PKCS#8, readable by their owner only.  A certificate
# is valid for PKI_DAYS days (365), a CRL for PKI_CRL_DAYS (30).
set -eu

die() {
	echo "mkpki.sh: $*" >&2
	exit 1
}

# "CN=a,O=b" to "/O=b/CN=a", which is what openssl's -subj takes.
subject() {
	case $1 in
	*=*) ;;
	*) die "\"$1\" is not a name such as CN=gm-01,O=Example" ;;
	esac
	printf '%s\n' "$1" | awk -F ' *, *' '{
		gsub(/\//, "\\/")
		for (i = NF; i > 0; i--)
			printf "/%s", $i
	}'
}

new_key() { # ALG FILE
	case $1 in
	ed25519) set -- "$2" -algorithm ed25519 ;;
	p256) set -- "$2" -algorithm EC -pkeyopt ec_paramgen_curve:P-256 ;;
	p384) set -- "$2" -algorithm EC -pkeyopt ec_paramgen_curve:P-384 ;;
	rsa) set -- "$2" -algorithm RSA -pkeyopt rsa_keygen_bits:3072 ;;
	*) die "algorithm $1: use ed25519, p256, p384 or rsa" ;;
	esac
	key=$1
	shift
	(umask 077 && openssl genpkey "$@" -out "$key" 2>/dev/null) ||
	    die "$key: openssl genpkey failed"
}

digest() { # of signatures by a key of ALG
	case $1 in
	ed25519) echo default ;;
	p384) echo sha384 ;;
	*) echo sha256 ;;
	esac
}

# What openssl ca needs to know; paths are inside DIR.
config() { # DIR ALG
	cat >"$1/db/conf" <<END
[ca]
default_ca = this
[this]
dir = $1
database = $1/db/index
new_certs_dir = $1/db
serial = $1/db/serial
crlnumber = $1/db/crlnumber
certificate = $1/ca.pem
private_key = $1/ca.key
default_md = $(digest "$2")
default_days = 365
default_crl_days = 30
policy = any
unique_subject = no
[any]
commonName = optional
[req]
distinguished_name = empty
[empty]
[anchor]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[host]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = ipsecIKE, serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
END
}

run() { # what openssl says is of interest only when it fails
	openssl "$@" 2>"$dir/db/log" >&2 || {
		cat "$dir/db/log" >&2
		die "openssl $1 failed"
	}
}

make_ca() { # [ALG [DN]]
	alg=${1:-ed25519}
	mkdir -p "$dir/db"
	config "$dir" "$alg"
	: >"$dir/db/index"
	echo "4$(openssl rand -hex 16 | cut -c2-)" >"$dir/db/serial"
	echo 01 >"$dir/db/crlnumber"
	new_key "$alg" "$dir/ca.key"
	run req -x509 -new -utf8 -key "$dir/ca.key" -config "$dir/db/conf" \
	    -extensions anchor "-$(sed -n 's/^default_md = //p' \
		"$dir/db/conf" | sed s/default/sha256/)" -days 3650 \
	    -subj "$(subject "${2:-CN=Example CA,O=Example}")" \
	    -out "$dir/ca.pem"
}

make_host() { # NAME [ALG] DN [SAN ...]
	name=$1
	shift
	case ${1:-} in
	*=* | '') alg=ed25519 ;;
	*)
		alg=$1
		shift
		;;
	esac
	[ $# -ge 1 ] || die "host: which name shall it have?"
	dn=$1
	shift
	sans=$(printf '%s\n' "$@" | awk 'NF { printf "%s%s", c, $0; c = "," }')
	new_key "$alg" "$dir/$name.key"
	run req -new -utf8 -key "$dir/$name.key" -config "$dir/db/conf" \
	    -subj "$(subject "$dn")" -out "$dir/db/$name.csr"
	{
		sed -n '/^\[host\]/,$p' "$dir/db/conf"
		[ -z "$sans" ] || echo "subjectAltName = $sans"
	} >"$dir/db/ext"
	run ca -batch -preserveDN -utf8 -notext -config "$dir/db/conf" \
	    -extfile "$dir/db/ext" -extensions host \
	    -days "${PKI_DAYS:-365}" -in "$dir/db/$name.csr" \
	    -out "$dir/$name.pem"
}

[ $# -ge 2 ] || die "usage: mkpki.sh ca|host|revoke|crl DIR ..."
what=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd)
shift 2
case $what in
ca)
	make_ca "$@"
	;;
host)
	[ $# -ge 2 ] || die "usage: mkpki.sh host DIR NAME [ALG] DN [SAN ...]"
	make_host "$@"
	;;
revoke)
	[ $# -eq 1 ] || die "usage: mkpki.sh revoke DIR NAME"
	run ca -batch -config "$dir/db/conf" -revoke "$dir/$1.pem"
	;;
crl)
	run ca -batch -gencrl -config "$dir/db/conf" \
	    -crldays "${PKI_CRL_DAYS:-30}" -out "$dir/crl.pem"
	;;
*)
	die "$what: use ca, host, revoke or crl"
	;;
esac
