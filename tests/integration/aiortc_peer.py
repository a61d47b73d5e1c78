#!/usr/bin/python3
"""A WHEP listener and a WHIP host made of aiortc.

usage: aiortc_peer.py listen ENDPOINT OUT.wav SECONDS          -> one JSON object
       aiortc_peer.py speak ENDPOINT FILE.wav SECONDS TOKEN    -> one JSON object
"""
import asyncio
import json
import sys
import urllib.parse
import urllib.request
import wave

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer
from av.audio.resampler import AudioResampler

CONNECT_TIMEOUT_S = 30


def post(endpoint, sdp, token=None):
    """Sends the offer; returns the session's address and the answer."""
    headers = {"content-type": "application/sdp"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    request = urllib.request.Request(endpoint, sdp.encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        return urllib.parse.urljoin(endpoint, response.headers["location"]), response.read().decode()


def delete(location, token=None):
    headers = {"authorization": f"Bearer {token}"} if token else {}
    urllib.request.urlopen(urllib.request.Request(location, method="DELETE", headers=headers), timeout=10).close()


async def connect(peer, endpoint, token=None):
    connected = asyncio.Event()

    @peer.on("connectionstatechange")
    def on_state():
        if peer.connectionState == "connected":
            connected.set()

    await peer.setLocalDescription(await peer.createOffer())
    location, answer = await asyncio.to_thread(post, endpoint, peer.localDescription.sdp, token)
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    await asyncio.wait_for(connected.wait(), CONNECT_TIMEOUT_S)
    return location


async def listen(endpoint, path, seconds):
    peer = RTCPeerConnection()
    receiver = peer.addTransceiver("audio", direction="recvonly").receiver
    location = await connect(peer, endpoint)
    resampler = AudioResampler("s16", "mono", 48000)
    samples = 0
    with wave.open(path, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48000)
        while samples < seconds * 48000:
            frame = await asyncio.wait_for(receiver.track.recv(), CONNECT_TIMEOUT_S)
            for mono in resampler.resample(frame):
                out.writeframes(bytes(mono.planes[0])[: mono.samples * 2])
                samples += mono.samples
    await asyncio.to_thread(delete, location)
    await peer.close()
    return {"samples": samples}


async def speak(endpoint, path, seconds, token):
    peer = RTCPeerConnection()
    peer.addTransceiver(MediaPlayer(path, loop=True).audio, direction="sendrecv")
    location = await connect(peer, endpoint, token)
    await asyncio.sleep(seconds)
    sent = [s.packetsSent for s in (await peer.getStats()).values() if s.type == "outbound-rtp"]
    await asyncio.to_thread(delete, location, token)
    await peer.close()
    return {"packets": sum(sent)}


def main(argv):
    if argv[1] == "listen":
        done = listen(argv[2], argv[3], int(argv[4]))
    else:
        done = speak(argv[2], argv[3], int(argv[4]), argv[5])
    print(json.dumps(asyncio.run(done)))


main(sys.argv)
