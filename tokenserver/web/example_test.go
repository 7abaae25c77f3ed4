package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/acs-go/identity/tokenserver/web"
)

// The page stands beside the paths that it calls.
func ExampleHandler() {
	mux := http.NewServeMux()
	mux.Handle("/", web.Handler())
	// mux.Handle("/v1/", server)

	response := httptest.NewRecorder()
	mux.ServeHTTP(response, httptest.NewRequest(http.MethodGet, "/", nil))
	fmt.Println(response.Code, strings.Contains(response.Body.String(), "<h1>ACS token server</h1>"))
	// Output: 200 true
}
