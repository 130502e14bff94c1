#!/usr/bin/env bash
# Makes the throw-away certificates of the tests anew: an authority, a server for localhost and
# 127.0.0.1, a client, and an authority that has signed none of them. Valid until 2099; their keys
# are public, and good for nothing else.
set -euo pipefail
cd "$(dirname "$0")"

# Makes NAME-key.pem and NAME.csr.
key() {
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1-key.pem" \
    -out "$1.csr" -subj "$2" 2>/dev/null
}

days=$((($(date -d 2099-01-01 +%s) - $(date +%s)) / 86400))
for name in ca other-ca; do
  key "$name" "/CN=mooncrier tests, $name"
  openssl x509 -req -in "$name.csr" -signkey "$name-key.pem" -days "$days" -out "$name.pem" \
    -extfile <(printf 'basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\n') 2>/dev/null
done
sign() {
  key "$1" "$2"
  openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca-key.pem -days "$days" -out "$1.pem" \
    -set_serial "$3" -extfile <(printf '%s\n' "$4") 2>/dev/null
}
sign server /CN=localhost 2 $'subjectAltName=DNS:localhost,DNS:kubernetes.test,IP:127.0.0.1\nextendedKeyUsage=serverAuth'
sign client /O=system:masters/CN=tester 3 extendedKeyUsage=clientAuth
rm -f ./*.csr other-ca-key.pem ca-key.pem
