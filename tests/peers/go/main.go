// Command peer joins a LiveKit room with the official Go SDK and says on stdout, as one JSON line, what it became.
//
//	peer URL TOKEN            join, report, leave
//	peer URL TOKEN publish    also try to publish an audio track, and report whether that was allowed
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/webrtc/v4"
)

const publishLimit = 5 * time.Second

type report struct {
	Joined     bool              `json:"joined"`
	Error      string            `json:"error,omitempty"`
	Room       string            `json:"room"`
	Identity   string            `json:"identity"`
	Name       string            `json:"name"`
	Metadata   string            `json:"metadata"`
	Attributes map[string]string `json:"attributes"`
	Published  string            `json:"published,omitempty"` // yes, or the refusal
}

func publish(me *lksdk.LocalParticipant) string {
	track, err := lksdk.NewLocalTrack(webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2})
	if err != nil {
		return err.Error()
	}
	if err = track.StartWrite(lksdk.NewNullSampleProvider(24000), nil); err != nil {
		return err.Error()
	}
	done := make(chan error, 1)
	go func() {
		_, err := me.PublishTrack(track, &lksdk.TrackPublicationOptions{Name: "probe"})
		done <- err
	}()
	select {
	case err = <-done:
		if err != nil {
			return err.Error()
		}
		return "yes"
	case <-time.After(publishLimit): // the server answers a refused publication with silence
		return "no answer"
	}
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: peer URL TOKEN [publish]")
		os.Exit(2)
	}
	var said report
	room, err := lksdk.ConnectToRoomWithToken(os.Args[1], os.Args[2], lksdk.NewRoomCallback())
	if err != nil {
		said.Error = err.Error()
	} else {
		me := room.LocalParticipant
		said = report{Joined: true, Room: room.Name(), Identity: me.Identity(), Name: me.Name(),
			Metadata: me.Metadata(), Attributes: me.Attributes()}
		if len(os.Args) > 3 {
			said.Published = publish(me)
		}
		room.Disconnect()
	}
	if err := json.NewEncoder(os.Stdout).Encode(said); err != nil {
		os.Exit(1)
	}
	if !said.Joined {
		os.Exit(1)
	}
}
