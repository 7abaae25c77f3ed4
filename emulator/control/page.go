package control

import (
	"bytes"
	"embed"
	"net/http"
	"time"
)

//go:embed page
var page embed.FS

// pageFile returns an action that serves a file of the page.
func pageFile(name string) action {
	data, err := page.ReadFile("page/" + name)
	if err != nil {
		panic("control: " + err.Error()) // the name is not that of a file in the folder
	}
	return func(_ *api, w http.ResponseWriter, r *http.Request) *apiError {
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
		return nil
	}
}
