package emulator

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSizeOfARequest(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		want    int
		request Request
	}{
		{0, Request{Operation: "CreateUser", Status: 200}},
		{3, Request{Method: "GET"}},
		{4, Request{URI: "/abc"}},
		{6, Request{Error: "Denied"}},
		{5, Request{Body: []byte("12345")}},
		{4, Request{ResponseBody: []byte("1234")}},
		{2 + 3 + 32, Request{ResponseHeader: http.Header{"Ab": {"cde"}}}},
		{2 + 3 + 32, Request{Header: http.Header{"Ab": {"cde"}}}},
		{2*4 + 2 + 3 + 2*32, Request{Header: http.Header{"Abcd": {"ef", "ghi"}}}},
		{3 + 2 + 1 + 2*2 + 1 + 2*32, Request{URI: "/x", Method: "GET", Body: []byte("y"), Header: http.Header{"Ab": {"", "c"}}}},
	} {
		assert.Equal(t, test.want, test.request.size(), "%v %v", test.request, test.request.Header)
	}
}

func TestOldestRequestsGiveWay(t *testing.T) {
	t.Parallel()
	body := func(size int) Request { return Request{Body: make([]byte, size)} }
	for name, test := range map[string]struct {
		add  []Request
		kept int
		size int
	}{
		"all that fit":                  {[]Request{body(maxRequestSize - 1), body(1)}, 2, maxRequestSize},
		"a byte too many":               {[]Request{body(maxRequestSize - 1), body(2)}, 1, 2},
		"one that fits alone":           {[]Request{body(1), body(maxRequestSize)}, 1, maxRequestSize},
		"one that does not fit at all":  {[]Request{body(1), body(maxRequestSize + 1)}, 0, 0},
		"one after one that was no fit": {[]Request{body(maxRequestSize + 1), body(1)}, 1, 1},
		"a thousand":                    {make([]Request, maxRequests), maxRequests, 0},
		"more than a thousand":          {make([]Request, maxRequests+1), maxRequests, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := newRequestLog(&Options{})
			for _, request := range test.add {
				log.add(request)
			}
			assert.Len(t, log.all(), test.kept)
			assert.Equal(t, test.size, log.size)
		})
	}
}

func TestClearedRequestsTakeNoRoom(t *testing.T) {
	t.Parallel()
	log := newRequestLog(&Options{})
	log.add(Request{URI: "/"})
	log.clear()
	assert.Zero(t, log.size)
}

func TestRequestsThatGaveWayAreFreed(t *testing.T) {
	t.Parallel()
	log := newRequestLog(&Options{})
	array := make([]Request, maxRequests+1)
	log.items = array[:0]
	for range array {
		log.add(Request{URI: "/"})
	}
	assert.Equal(t, Request{}, array[0])
	assert.Equal(t, "/", array[1].URI)
}
