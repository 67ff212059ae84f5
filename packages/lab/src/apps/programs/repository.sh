#!/bin/sh
# A signed package repository in /srv/apt, and an apt of this host's own that installs from it alone.
#   repository.sh begin            make key, configuration and an empty repository
#   repository.sh publish VERSION  build the package `shop` and sign the index anew
#   repository.sh install VERSION  apt-get update and install
set -eu
# Never the machine's own configuration: a host of the lab has an /etc of its own.
[ "$(findmnt -n -o FSTYPE /etc)" = overlay ]
mkdir -p /srv/apt
cd /srv/apt
export GNUPGHOME=/srv/apt/gnupg DEBIAN_FRONTEND=noninteractive

case $1 in
begin)
  mkdir -p -m 700 gnupg repo state/lists/partial cache/archives/partial dpkg/info dpkg/updates dpkg/triggers etc
  : >dpkg/status
  gpg --batch --quiet --passphrase '' --quick-gen-key lab@ringwall.test ed25519 sign 1d
  gpg --batch --quiet --output key.gpg --export
  echo 'deb [signed-by=/srv/apt/key.gpg] copy:/srv/apt/repo ./' >etc/sources.list
  cat >/etc/apt/apt.conf <<'CONF'
Dir::State "/srv/apt/state";
Dir::State::status "/srv/apt/dpkg/status";
Dir::Cache "/srv/apt/cache";
Dir::Etc::sourcelist "/srv/apt/etc/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::trusted "/dev/null";
Dir::Etc::trustedparts "/dev/null";
Dir::Log "/srv/apt";
DPkg::Options { "--admindir=/srv/apt/dpkg"; "--instdir=/"; "--log=/srv/apt/dpkg.log"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
CONF
  ;;
publish)
  rm -rf tree && mkdir -p tree/DEBIAN tree/srv/shop
  printf '#!/usr/bin/python3\n# %s\nimport socket, sys\n' "$2" >tree/srv/shop/shop
  cat >>tree/srv/shop/shop <<'PROGRAM'
socket.create_connection((sys.argv[1], int(sys.argv[2])), 8).close()
print("reached: the port answered")
PROGRAM
  chmod 755 tree/srv/shop/shop
  printf 'Package: shop\nVersion: %s\nArchitecture: all\nMaintainer: lab <lab@ringwall.test>\nDescription: a shop\n' "$2" >tree/DEBIAN/control
  dpkg-deb --root-owner-group --build tree "repo/shop_$2.deb" >/dev/null
  cd repo
  : >Packages
  for deb in *.deb; do
    dpkg-deb --field "$deb" >>Packages
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$deb" "$(stat -c %s "$deb")" "$(sha256sum <"$deb" | cut -c1-64)" >>Packages
  done
  printf 'Suite: stable\nDate: %s\nSHA256:\n %s %s Packages\n' "$(date -Ru)" "$(sha256sum <Packages | cut -c1-64)" "$(stat -c %s Packages)" >Release
  gpg --batch --quiet --yes --clearsign --output InRelease Release
  ;;
install)
  apt-get update -qq
  apt-get install -y -qq "shop=$2"
  ;;
esac
