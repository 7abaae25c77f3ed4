package fake

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/fake/server"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acs-go/identity"
)

// listEntraAssignments is the method NewListEntraAssignmentsPager, on the wire.
type listEntraAssignments struct{}

type assignmentPages = azfake.PagerResponder[identity.ListEntraAssignmentsResponse]

func (listEntraAssignments) do(method string, s *Server, links *pageLinks, req *http.Request) (*http.Response, error) {
	if _, err := pathParameters(entraAssignmentsPath, req.URL.EscapedPath()); err != nil {
		return nil, mistake(method, err)
	}
	link := req.URL.Query().Get(linkParameter)
	pages, err := links.follow(link)
	if err != nil {
		return nil, mistake(method, err)
	}
	if pages == nil {
		pages, err = await(req.Context(), func(context.Context) *assignmentPages {
			returned := s.NewListEntraAssignmentsPager(nil)
			return &returned
		})
	}
	if err != nil {
		return nil, err
	}
	if pages == nil || !server.PagerResponderMore(pages) {
		return nil, mistake(method, errNothingReturned)
	}
	resp, err := server.PagerResponderNext(pages, req)
	if err != nil {
		links.keep(link, pages)
		return nil, err
	}
	if resp, err = links.add(pages, resp); err != nil {
		return nil, mistake(method, err)
	}
	return resp, nil
}

// pageLinks are the links to pages that are still to come. The client follows each until it gets a page.
type pageLinks struct {
	mu     sync.Mutex
	count  int
	unread map[string]*assignmentPages
}

const linkParameter = "page"

// follow returns the pages that a link continues, or nil for the first page, which needs no link.
func (l *pageLinks) follow(link string) (*assignmentPages, error) {
	if link == "" {
		return nil, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	pages, found := l.unread[link]
	if !found {
		return nil, errors.New("the request does not follow a link of this fake")
	}
	delete(l.unread, link)
	return pages, nil
}

// keep lets a pager that is resumed after an error follow the link again, if more comes after the error.
func (l *pageLinks) keep(link string, pages *assignmentPages) {
	if link == "" || !server.PagerResponderMore(pages) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unread[link] = pages
}

// add returns the response for a page, with a link if more pages follow.
func (l *pageLinks) add(pages *assignmentPages, resp *http.Response) (*http.Response, error) {
	if resp.StatusCode != http.StatusOK {
		return nil, statusError(resp.StatusCode, []int{http.StatusOK})
	}
	var page identity.ListEntraAssignmentsResponse
	if err := runtime.UnmarshalAsJSON(resp, &page); err != nil {
		return nil, err
	}
	if page.Value == nil {
		page.Value = []identity.EntraAssignment{} // as the service says that there are none
	}
	if server.PagerResponderMore(pages) {
		page.NextLink = new("?" + url.Values{linkParameter: {l.newLink(pages)}}.Encode())
	}
	return server.MarshalResponseAsJSON(server.ResponseContent{HTTPStatus: resp.StatusCode, Header: resp.Header}, page, resp.Request)
}

func (l *pageLinks) newLink(pages *assignmentPages) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unread == nil {
		l.unread = map[string]*assignmentPages{}
	}
	l.count++
	link := strconv.Itoa(l.count)
	l.unread[link] = pages
	return link
}
