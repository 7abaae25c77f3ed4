package control

import (
	"bytes"
	"embed"
	"net/http"
	"time"
)

//go:embed page
var page embed.FS

// withPage adds the files of the page. Its HTML has the empty path.
func withPage(actions map[string]map[string]action) map[string]map[string]action {
	files, err := page.ReadDir("page")
	if err != nil {
		panic("control: " + err.Error()) // the folder is embedded
	}
	for _, file := range files {
		path := file.Name()
		if path == "index.html" {
			path = ""
		}
		actions[path] = map[string]action{http.MethodGet: pageFile(file.Name())}
	}
	return actions
}

// pageFile returns an action that serves a file of the page.
func pageFile(name string) action {
	data, err := page.ReadFile("page/" + name)
	if err != nil {
		panic("control: " + err.Error()) // the file is embedded
	}
	return func(_ *api, w http.ResponseWriter, r *http.Request) *apiError {
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
		return nil
	}
}
