package harness

import (
	"context"
	"net"
	"net/http"

	"github.com/signalbox/signalbox/test/sim/inventoryvisibility"
)

// VisibilityURL is where a virtual world's Inventory Visibility answers.
const VisibilityURL = "http://127.0.0.1:4"

// startVisibility starts Inventory Visibility, if the world is to have one. stop ends it. Virtual worlds only.
func (w *World) startVisibility() (stop func()) {
	if !w.opts.Visibility {
		return func() {}
	}
	w.Visibility = inventoryvisibility.New(inventoryvisibility.Options{})
	pipe := newPipeListener()
	w.toVisibility = &line{dial: pipe.dial}
	server := &http.Server{Handler: w.Visibility.Handler()}
	go func() { _ = server.Serve(pipe) }() // returns when the server is closed
	return func() {
		w.Visibility.Close()
		_ = server.Close()
	}
}

// visibilityEnvironment tells the fleet of it; what it is used for is the story's choice.
func (w *World) visibilityEnvironment(env map[string]string) {
	if w.Visibility == nil {
		return
	}
	for key, value := range map[string]string{
		"URL": VisibilityURL, "TOKEN_URL": VisibilityURL + inventoryvisibility.TokenPath, "SECURITY_URL": VisibilityURL + inventoryvisibility.SecurityPath,
		"CLIENT_ID": inventoryvisibility.DefaultClientID, "CLIENT_SECRET": inventoryvisibility.DefaultClientSecret, "ENVIRONMENT": inventoryvisibility.DefaultEnvironment,
		"WAREHOUSES": "usrt/1/HOUSTON,usrt/1/STORE1,usrt/2/STORE3", "TIMEOUT": "2s",
	} {
		env["SIGNALBOX_INVENTORY_VISIBILITY_"+key] = value
	}
}

func (w *World) dialVisibility(ctx context.Context, _, _ string) (net.Conn, error) {
	return w.toVisibility.connect(ctx)
}

// CutVisibility closes every connection to Inventory Visibility and lets no new one come about, until MendVisibility.
func (w *World) CutVisibility() { w.toVisibility.drop(true) }

// MendVisibility lets connections to it come about again.
func (w *World) MendVisibility() { w.toVisibility.drop(false) }
