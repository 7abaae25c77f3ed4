// Command identifiers prints identifiers of all kinds as the Go library reads them, in JSON: what the other languages'
// libraries have to agree with.
package main

import (
	"encoding/json"
	"log"
	"os"

	"github.com/acs-go/identity"
)

const (
	resource = "b6aada1f-0b1d-47ac-866f-91aae00a1d01"
	user     = "0000000e-1a2b-3c4d-5e6f-708192a3b4c5"
	tenant   = "9a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
	object   = "45ab2481-1c1c-4005-be24-0ffb879b1130"
)

var rawIDs = []string{
	"8:acs:" + resource + "_" + user,
	"8:acs:" + resource + "_" + tenant + "_" + object,
	"8:dod-acs:" + resource + "_" + user,
	"8:dod-acs:" + resource + "_" + tenant + "_" + object,
	"8:gcch-acs:" + resource + "_" + user,
	"8:gcch-acs:" + resource + "_" + tenant + "_" + object,
	"8:spool:" + resource + "_" + user,
	"8:orgid:" + object,
	"8:dod:" + object,
	"8:gcch:" + object,
	"8:teamsvisitor:" + object,
	"28:orgid:" + object,
	"28:dod:" + object,
	"28:gcch:" + object,
	"4:+14255550123",
	"4:14255550123",
	"4:anonymous",
	"4:+14255550123_4a2f",
	"4:255550123_4a2f_7",
	"28:" + object,
	"8:unknown:" + object,
	"8:acs",
}

type entry struct {
	RawID string                  `json:"rawId"`
	Kind  identity.IdentifierKind `json:"kind"`
	Wire  identity.Identifier     `json:"wire"`
}

func main() {
	log.SetFlags(0)
	entries := make([]entry, len(rawIDs))
	for i, rawID := range rawIDs {
		identifier := identity.IdentifierFromRawID(rawID)
		entries[i] = entry{identifier.RawID(), identifier.Kind(), identifier}
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(entries); err != nil {
		log.Fatal(err)
	}
}
