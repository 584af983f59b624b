package so.suna.queuemetrics;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.Optional;
import so.suna.queuemetrics.dramatiq.SnapshotReader;
import so.suna.queuemetrics.http.Routes;
import so.suna.queuemetrics.redis.IamToken;
import so.suna.queuemetrics.redis.ReadOnlyRedis;

/** The query handler on a clock that is an hour later at each look, so that no two queries share a read. */
public final class UnsharedQueryHandler implements RequestStreamHandler {

  private final QueryHandler handler;

  public UnsharedQueryHandler() {
    var settings = Settings.of(System.getenv());
    var redis = new ReadOnlyRedis(settings.redis(), IamToken.ofThisFunction());
    var queues =
        new SnapshotReader(
            redis::evaluate, settings.dramatiqNamespace(), settings.queues(), Clock.systemUTC());
    handler =
        new QueryHandler(
            new Routes(
                queues::read, redis::ping, Optional.empty(), Optional.empty(), new Hurried()));
  }

  @Override
  public void handleRequest(InputStream event, OutputStream result, Context context)
      throws IOException {
    handler.handleRequest(event, result, context);
  }

  private static final class Hurried extends Clock {
    private Instant now = Instant.now();

    @Override
    public Instant instant() {
      now = now.plusSeconds(3_600);
      return now;
    }

    @Override
    public ZoneId getZone() {
      return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
      return this;
    }
  }
}
