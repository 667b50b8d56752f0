#!/bin/sh
# SPDX-License-Identifier: ISC
# The certificates of the scene, made before the kernel starts: there openssl
# takes ten times as long.
#
#   pki.sh DIR	DIR/ours: the authority that hq trusts, hosts hq r1 r2 guest,
#		crl.pem, and revoked.pem, the CRL after r2 has lost its key
#		DIR/other: another authority, which made itself a "mallory"
#		and an "r1" with exactly the name that hq's policy lets in
set -eu

pki()
{
	sh tests/lib/mkpki.sh "$@"
}

ours=$1/ours other=$1/other
pki ca "$ours" ed25519 "CN=Lab CA,O=Lab"
for h in hq r1 r2 guest; do
	pki host "$ours" $h "CN=$h,O=Lab"
done
pki crl "$ours"
mv "$ours/crl.pem" "$ours/none.pem"
pki revoke "$ours" r2
pki crl "$ours"
mv "$ours/crl.pem" "$ours/revoked.pem"
mv "$ours/none.pem" "$ours/crl.pem"

pki ca "$other" ed25519 "CN=Other CA,O=Elsewhere"
for h in mallory r1; do
	pki host "$other" $h "CN=$h,O=Lab"
done
