"""A libtorrent peer for the interop tests (Debian's python3-libtorrent, run with /usr/bin/python3).

libtorrent-peer.py seed|get|node TORRENT DIR ADDRESS PORT
Prints READY when it seeds, DONE when a download is complete; both go on seeding until SIGTERM.
DHT=HOST:PORT in the environment: joins the DHT by that node, and prints NODES when it knows any. As "node" it has no torrent and is only that, a dozen times, on ADDRESS and those after it; READY at once.
"""
import os
import signal
import sys
import time

import libtorrent as lt

mode, torrent, directory, address, port = sys.argv[1:6]
dht = os.environ.get("DHT")
encryption = os.environ.get("ENCRYPTION")
def settings(address):
    return {
        "listen_interfaces": f"[{address}]:{port}" if ":" in address else f"{address}:{port}",
        "outgoing_interfaces": address,
        "enable_dht": dht is not None,
        "dht_bootstrap_nodes": dht or "",
        # All nodes of a test are on one network.
        "dht_restrict_routing_ips": False,
        "dht_restrict_search_ips": False,
        "dht_ignore_dark_internet": False,
        "enable_lsd": os.environ.get("LSD") == "1",
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_outgoing_utp": False,
        "enable_incoming_utp": False,
        # 0 is forced, 2 disabled; level 1 is plaintext behind the handshake, 2 RC4.
        "out_enc_policy": 0 if encryption else 2,
        "in_enc_policy": 0 if encryption else 2,
        "allowed_enc_level": 1 if encryption == "header" else 2,
        "allow_multiple_connections_per_ip": True,
    }


if mode == "node":
    # A dozen: some programs hold a smaller network for none at all.
    dot, base = (":", 16) if ":" in address else (".", 10)
    prefix, first = address.rsplit(dot, 1)
    numbers = [int(first, base) + i for i in range(12)]
    nodes = [lt.session(settings(f"{prefix}{dot}{number:x}" if base == 16 else f"{prefix}.{number}")) for number in numbers]
    print("READY", flush=True)
    signal.pause()
session = lt.session(settings(address))
if torrent.startswith("magnet:"):
    parameters = lt.parse_magnet_uri(torrent)
else:
    parameters = lt.add_torrent_params()
    parameters.ti = lt.torrent_info(torrent)
parameters.save_path = directory
parameters.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
handle = session.add_torrent(parameters)
# The session's own limits don't hold for the local network.
handle.set_upload_limit(int(os.environ.get("LIMIT_UP", "0")))
running = True


def stop(*_):
    global running
    running = False


signal.signal(signal.SIGTERM, stop)
told = False
met = False
peers = 0
rounds = 0
while running:
    status = handle.status()
    # By itself it asks once a quarter of an hour, and the first time may be before it knows any node.
    if dht and rounds % 60 == 20:
        handle.force_dht_announce()
    rounds += 1
    if status.errc.value():
        print("FAILED", status.errc.message(), flush=True)
        sys.exit(2)
    if dht and not met and session.status().dht_nodes > 0:
        met = True
        print("NODES", flush=True)
    if status.num_peers > peers:
        peers = status.num_peers
        print("PEERS", peers, flush=True)
    if status.is_seeding and not told:
        told = True
        print("READY" if mode == "seed" else "DONE", flush=True)
    time.sleep(0.05)
