package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

// The floor is what somebody writes in an afternoon who trusts everything: no event is checked, no claim renewed, nothing is looked up
// again, nothing is said of what happened, and an error ends the process. It takes the same steps over the same SDK, each durable
// before the next: look up, create, bind, complete.

const floorVariable = "BENCH_FLOOR" // address of the CSU; this process is the floor

func TestMain(m *testing.M) {
	if csu := os.Getenv(floorVariable); csu != "" {
		if err := floor(csu); err != nil {
			fmt.Fprintln(os.Stderr, "floor:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// floorProcess is the floor as a process of its own.
func (s *stand) floorProcess() *exec.Cmd {
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(s.env, floorVariable+"="+s.csu)
	cmd.Stderr = os.Stderr
	return cmd
}

// One script a step: what was done is there before the next step begins.
var (
	floorClaim   = redis.NewScript(`if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', 15000) then return redis.call('GET', KEYS[2]) end return 'held'`)
	floorCreated = redis.NewScript(`redis.call('HSET', KEYS[2], 'account', ARGV[1]) return redis.call('SET', KEYS[1], 'created', 'PX', 15000)`)
	floorBind    = redis.NewScript(`redis.call('SET', KEYS[2], ARGV[1]) redis.call('SET', KEYS[3], ARGV[2]) return redis.call('SET', KEYS[1], 'done', 'PX', 1209600000)`)
)

// floorWorker is what its goroutines share.
type floorWorker struct {
	csu      string
	client   *http.Client
	token    string
	redis    *redis.Client
	receiver *azservicebus.Receiver
}

func floor(csu string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	o, err := redis.ParseURL(os.Getenv("SIGNALBOX_REDIS_URL"))
	if err != nil {
		return err
	}
	o.PoolSize = slots
	w := &floorWorker{csu: csu, redis: redis.NewClient(o), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: slots}}}
	if w.token, err = w.login(); err != nil {
		return err
	}
	bus, err := azservicebus.NewClientFromConnectionString(os.Getenv("SIGNALBOX_SERVICEBUS_CONNECTION_STRING"), nil)
	if err != nil {
		return err
	}
	if w.receiver, err = bus.NewReceiverForQueue(queue, nil); err != nil {
		return err
	}
	free := make(chan struct{}, slots)
	var group sync.WaitGroup
	for {
		got, err := w.receiver.ReceiveMessages(ctx, max(slots-len(free), 1), nil)
		if errors.Is(err, context.Canceled) {
			group.Wait()
			return nil
		}
		if err != nil {
			return err
		}
		for _, m := range got {
			free <- struct{}{}
			group.Go(func() {
				defer func() { <-free }()
				if err := w.handle(context.WithoutCancel(ctx), m); err != nil {
					fmt.Fprintln(os.Stderr, "floor:", err)
					os.Exit(1)
				}
			})
		}
	}
}

func (w *floorWorker) login() (string, error) {
	resp, err := w.client.PostForm("http://"+w.csu+"/contoso/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {"local-client"},
		"client_secret": {"local-secret"}, "resource": {"http://" + w.csu}})
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var t struct {
		AccessToken string `json:"access_token"`
	}
	return t.AccessToken, json.NewDecoder(resp.Body).Decode(&t)
}

// handle takes the three steps, and completes the message.
func (w *floorWorker) handle(ctx context.Context, m *azservicebus.ReceivedMessage) error {
	var ev struct {
		ID   string   `json:"id"`
		Data customer `json:"data"`
	}
	if err := json.Unmarshal(m.Body, &ev); err != nil {
		return err
	}
	id, c := ev.ID, ev.Data
	run, entity := "floor:run:"+id, "floor:map:"+c.ID
	if held, err := floorClaim.Run(ctx, w.redis, []string{run, entity}, uuid.NewString()).Result(); err != nil && !errors.Is(err, redis.Nil) {
		return err
	} else if held != nil {
		return w.receiver.CompleteMessage(ctx, m, nil)
	}
	var found struct {
		Value []struct{ AccountNumber, Email string } `json:"value"`
	}
	if err := w.call("Customers/SearchByFields", search(c.Email), &found); err != nil {
		return err
	}
	var account struct{ AccountNumber string }
	for _, f := range found.Value {
		account.AccountNumber = f.AccountNumber
	}
	if account.AccountNumber == "" {
		if err := w.call("Customers", create(c), &account); err != nil {
			return err
		}
		if err := floorCreated.Run(ctx, w.redis, []string{run, run + ":made"}, account.AccountNumber).Err(); err != nil {
			return err
		}
	}
	if err := floorBind.Run(ctx, w.redis, []string{run, entity, "floor:mapr:" + account.AccountNumber}, account.AccountNumber, c.ID).Err(); err != nil {
		return err
	}
	return w.receiver.CompleteMessage(ctx, m, nil)
}

func create(c customer) any {
	addresses := make([]any, len(c.Addresses))
	for i, a := range c.Addresses {
		addresses[i] = map[string]any{"Street": a.Street, "City": a.City, "State": a.State, "ZipCode": a.Zip, "ThreeLetterISORegionName": a.Country, "IsPrimary": a.Primary}
	}
	return map[string]any{"AccountNumber": "", "CustomerTypeValue": 1, "FirstName": c.FirstName, "LastName": c.LastName, "Email": c.Email, "Phone": c.Phone,
		"Language": "en-us", "CurrencyCode": "USD", "Addresses": addresses}
}

func search(email string) any {
	return map[string]any{"CustomerSearchByFieldCriteria": map[string]any{"DataLevelValue": 1,
		"Criteria": []any{map[string]any{"SearchTerm": email, "SearchField": map[string]any{"Name": "Email", "Value": 3}}}}}
}

func (w *floorWorker) call(path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+w.csu+"/Commerce/"+path+"?api-version=7.3", bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "id_token "+w.token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("OUN", oun)
	req.Header.Set("Prefer", "return=representation")
	resp, err := w.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s: %d: %s", path, resp.StatusCode, answer)
	}
	return json.Unmarshal(answer, into)
}
