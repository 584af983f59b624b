package so.suna.queuemetrics;

import static java.time.ZoneOffset.UTC;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPEvent;
import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPEvent.RequestContext;
import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPResponse;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.time.Clock;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import so.suna.queuemetrics.dramatiq.Snapshot;
import so.suna.queuemetrics.http.Routes;
import so.suna.queuemetrics.kit.TypedEvents;
import so.suna.queuemetrics.local.LocalContext;

class QueryHandlerTest {

  private static final String HEALTHY =
      "{\"status\":\"ok\",\"timestamp\":\"2026-11-23T12:00:00+00:00\",\"instance_id\":\"2026/11/23/[$LATEST]local\"}";

  private final LocalContext context = new LocalContext();

  private QueryHandler handler() {
    return new QueryHandler(
        new Routes(
            QueryHandlerTest::unreadable,
            () -> {},
            Optional.empty(),
            Optional.empty(),
            Clock.fixed(Instant.parse("2026-11-23T12:00:00Z"), UTC),
            new JsonLog(context::log)::failure));
  }

  private static Snapshot unreadable() {
    throw new IllegalStateException(
        "Redis cache.example:6379 (REDIS_HOST, REDIS_PORT)\ncould not be reached",
        new UncheckedIOException(new ConnectException("Connection \"refused\"")));
  }

  private static APIGatewayV2HTTPEvent.APIGatewayV2HTTPEventBuilder get(String path) {
    var http = new RequestContext.Http();
    http.setMethod("GET");
    var requestContext = new RequestContext();
    requestContext.setHttp(http);
    return APIGatewayV2HTTPEvent.builder().withRequestContext(requestContext).withRawPath(path);
  }

  private APIGatewayV2HTTPResponse answer(@Nullable APIGatewayV2HTTPEvent event) {
    return TypedEvents.answer(handler(), event, context);
  }

  private static APIGatewayV2HTTPResponse json(int status, String body) {
    return APIGatewayV2HTTPResponse.builder()
        .withStatusCode(status)
        .withHeaders(Map.of("Content-Type", "application/json", "Cache-Control", "no-store"))
        .withBody(body)
        .build();
  }

  @Test
  void answerCarriesStatusHeadersAndBody() {
    assertThat(answer(get("/api/health").build())).isEqualTo(json(200, HEALTHY));
    assertThat(context.logged()).isEmpty();
  }

  @Test
  void causeOfAFailureIsLoggedInOneLineOfJsonAndNotAnswered() {
    assertThat(answer(get("/api/metrics/queue").build()))
        .isEqualTo(json(500, "{\"detail\":\"Failed to get queue metrics\"}"));
    assertThat(context.logged())
        .containsExactly(
            "{\"event\":\"queue metrics not read\",\"cause\":\"java.lang.IllegalStateException: Redis cache.example:6379 (REDIS_HOST, REDIS_PORT)\\ncould not be reached"
                + ", caused by java.io.UncheckedIOException: java.net.ConnectException: Connection \\\"refused\\\""
                + ", caused by java.net.ConnectException: Connection \\\"refused\\\"\"}");
  }

  @Test
  void answerIsThatOfItsOwnRequestWhateverWasAskedBefore() {
    QueryHandler handler = handler();
    for (int turn = 0; turn < 2; turn++) {
      assertThat(TypedEvents.answer(handler, get("/api/health").build(), context))
          .isEqualTo(json(200, HEALTHY));
      assertThat(TypedEvents.answer(handler, get("/nowhere").build(), context))
          .isEqualTo(json(404, "{\"detail\":\"Not Found\"}"));
    }
  }

  @Test
  void encodedBodyIsNotLookedAt() {
    assertThat(
            answer(get("/api/health").withBody("eyJhIjoxfQ==").withIsBase64Encoded(true).build()))
        .isEqualTo(json(200, HEALTHY));
  }

  @Test
  void badSettingsStopTheStart() {
    assertThatThrownBy(
            () -> new QueryHandler(Map.of("REDIS_HOST", "cache", "REDIS_PORT", "0"), _ -> {}))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("bad settings: REDIS_PORT must be 1 to 65535, was 0");
  }
}
