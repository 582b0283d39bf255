# Two stages: build a static binary, then ship nothing else.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -pgo=cmd/signalbox/worker.pgo -ldflags "-s -w -X github.com/signalbox/signalbox/internal/app.Version=${VERSION}" -o /signalbox ./cmd/signalbox

FROM gcr.io/distroless/static-debian12:nonroot
LABEL org.opencontainers.image.title="signalbox" \
      org.opencontainers.image.description="Relays business events into Dynamics 365 Headless Commerce" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /signalbox /signalbox
COPY LICENSE NOTICE /
# Metrics and health. Set SIGNALBOX_ADMIN_LISTEN=:9464 to reach it from outside the container.
EXPOSE 9464
USER 65532:65532
ENTRYPOINT ["/signalbox"]
CMD ["run"]
