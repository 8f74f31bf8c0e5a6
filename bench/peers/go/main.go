// The Go peer: net/http and LiveKit's own auth package. Reads the JSON body, checks two names, mints, answers.
package main

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"time"

	"github.com/livekit/protocol/auth"
)

var name = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,255}$`)

func mint(room, identity string) (string, error) {
	return auth.NewAccessToken("APIbenchbench", "bench-secret-bench-secret-bench-secret-").
		SetVideoGrant(&auth.VideoGrant{RoomJoin: true, Room: room}).
		SetIdentity(identity).SetName(identity).SetValidFor(time.Hour).ToJWT()
}

func serve(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		RoomName            string `json:"roomName"`
		ParticipantIdentity string `json:"participantIdentity"`
	}
	if json.NewDecoder(r.Body).Decode(&ask) != nil || !name.MatchString(ask.RoomName) || !name.MatchString(ask.ParticipantIdentity) {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	token, err := mint(ask.RoomName, ask.ParticipantIdentity)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"token": token, "roomName": ask.RoomName, "participantIdentity": ask.ParticipantIdentity})
}

func main() {
	port := "9005"
	if len(os.Args) > 1 {
		port = os.Args[1]
	}
	http.HandleFunc("/api/token", serve)
	panic(http.ListenAndServe("127.0.0.1:"+port, nil))
}
