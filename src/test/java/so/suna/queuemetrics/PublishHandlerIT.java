package so.suna.queuemetrics;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import so.suna.queuemetrics.local.AwsReceiver;
import so.suna.queuemetrics.local.LocalContext;
import so.suna.queuemetrics.local.RedisServer;

/** The whole tick, against a real Redis and what the SDK really sends. */
class PublishHandlerIT {

  private final RedisServer redis = RedisServer.start();
  private final AwsReceiver aws = AwsReceiver.start(3);
  private final LocalContext context = new LocalContext();

  @BeforeEach
  void pointTheSdkAtTheReceiver() {
    System.setProperty("aws.endpointUrl", aws.endpoint().toString());
    System.setProperty("aws.region", "us-west-2");
    System.setProperty("aws.accessKeyId", "test");
    System.setProperty("aws.secretAccessKey", "test");
  }

  @AfterEach
  void stop() {
    aws.close();
    redis.close();
  }

  private PublishHandler handler() {
    return new PublishHandler(
        Map.of(
            "REDIS_HOST", "127.0.0.1",
            "REDIS_PORT", "" + redis.port(),
            "REDIS_TLS", "false",
            "ECS_CLUSTER", "suna-ecs",
            "ECS_WORKER_SERVICE", "suna-worker-svc"));
  }

  @Test
  void tickAsksEachServerOnce() {
    handler().handleRequest(null, context);
    System.out.println(context.logged());
    System.out.println(aws.calls());
    try (var c = redis.client()) {
      System.out.println(c.info("commandstats"));
    }
    assertThat(aws.calls()).hasSize(2);
  }
}
