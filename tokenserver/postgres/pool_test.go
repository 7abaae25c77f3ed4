package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A counter opens connections that can do nothing.
type counter struct{ opened int }

func (c *counter) Connect(context.Context) (driver.Conn, error) {
	c.opened++
	return idle{}, nil
}

func (c *counter) Driver() driver.Driver { return nil }

type idle struct{}

var errIdle = errors.New("the connection can do nothing")

func (idle) Prepare(string) (driver.Stmt, error) { return nil, errIdle }
func (idle) Begin() (driver.Tx, error)           { return nil, errIdle }
func (idle) Close() error                        { return nil }

func TestConnectionIsReplacedAfterFiveMinutes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		connections := new(counter)
		db := sql.OpenDB(connections)
		limit(db)
		for range 13 { // minutes
			require.NoError(t, db.PingContext(t.Context()))
			time.Sleep(time.Minute)
		}
		assert.Equal(t, 3, connections.opened)
		require.NoError(t, db.Close())
	})
}
