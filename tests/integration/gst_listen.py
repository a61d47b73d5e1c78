#!/usr/bin/python3
"""Listens over WHEP with GStreamer's webrtcbin: gst_listen.py ENDPOINT OUT.wav SECONDS -> one JSON object."""
import json
import sys
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

GATHER_TIMEOUT_S = 10
CONNECT_TIMEOUT_S = 30
MAX_BUNDLE = 3


class Ear:
    def __init__(self, endpoint, path, seconds):
        self.endpoint, self.path, self.seconds = endpoint, path, seconds
        self.loop = GLib.MainLoop()
        self.pcm_bytes = 0
        self.location = None
        self.problem = None
        self.pipeline = Gst.Pipeline.new()
        self.rtc = Gst.ElementFactory.make("webrtcbin")
        self.rtc.set_property("bundle-policy", MAX_BUNDLE)
        self.pipeline.add(self.rtc)
        self.rtc.connect("pad-added", self.on_pad)
        self.rtc.connect("notify::ice-gathering-state", lambda *_: GLib.idle_add(self.ask))

    def fail(self, problem):
        self.problem = problem
        self.loop.quit()
        return False

    def on_pad(self, _rtc, pad):
        """What arrives is decoded and written as 16 bit mono at 48 kHz."""
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        chain = "rtpopusdepay ! opusdec ! audioconvert ! audioresample"
        out = f"audio/x-raw,format=S16LE,channels=1,rate=48000 ! wavenc ! filesink name=out location={self.path}"
        part = Gst.parse_bin_from_description(f"{chain} ! {out}", True)
        self.pipeline.add(part)
        part.sync_state_with_parent()
        part.get_by_name("out").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self.on_pcm)
        pad.link(part.get_static_pad("sink"))

    def on_pcm(self, _pad, info):
        if self.pcm_bytes == 0:
            GLib.timeout_add(self.seconds * 1000, self.finish)
        self.pcm_bytes += info.get_buffer().get_size()
        return Gst.PadProbeReturn.OK

    def offer(self):
        caps = Gst.Caps.from_string("application/x-rtp,media=audio,encoding-name=OPUS,clock-rate=48000,payload=111,encoding-params=(string)2")
        self.rtc.emit("add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, caps)
        self.pipeline.set_state(Gst.State.PLAYING)
        promise = Gst.Promise.new()
        self.rtc.emit("create-offer", None, promise)
        promise.wait()
        reply = promise.get_reply()  # the description lives in it
        description = reply.get_value("offer")
        done = Gst.Promise.new()
        self.rtc.emit("set-local-description", description, done)
        done.interrupt()
        GLib.timeout_add(GATHER_TIMEOUT_S * 1000, lambda: self.location is None and self.fail("no candidates gathered"))
        GLib.timeout_add(CONNECT_TIMEOUT_S * 1000, lambda: self.pcm_bytes == 0 and self.fail("no audio"))

    def ask(self):
        if self.location or self.rtc.get_property("ice-gathering-state") != GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            return False
        sdp = self.rtc.get_property("local-description").sdp.as_text()
        request = urllib.request.Request(self.endpoint, sdp.encode(), {"content-type": "application/sdp"})
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                self.location = urllib.parse.urljoin(self.endpoint, response.headers["location"])
                _, message = GstSdp.SDPMessage.new_from_text(response.read().decode())
        except OSError as error:
            return self.fail(str(error))
        answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
        done = Gst.Promise.new()
        self.rtc.emit("set-remote-description", answer, done)
        done.interrupt()
        return False

    def finish(self):
        """The end of the stream lets wavenc write its header."""
        bus = self.pipeline.get_bus()
        self.pipeline.send_event(Gst.Event.new_eos())
        bus.timed_pop_filtered(2 * Gst.SECOND, Gst.MessageType.EOS)
        self.loop.quit()
        return False

    def run(self):
        self.offer()
        self.loop.run()
        self.pipeline.set_state(Gst.State.NULL)
        if self.location:
            urllib.request.urlopen(urllib.request.Request(self.location, method="DELETE"), timeout=10).close()


def main():
    Gst.init(None)
    ear = Ear(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    ear.run()
    if ear.problem:
        sys.exit(ear.problem)
    print(json.dumps({"samples": ear.pcm_bytes // 2}))


main()
