package so.suna.queuemetrics.kit;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPEvent;
import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPResponse;
import com.amazonaws.services.lambda.runtime.serialization.PojoSerializer;
import com.amazonaws.services.lambda.runtime.serialization.events.LambdaEventSerializers;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** Asks a stream handler with events, and gets answers, of the types that Lambda has for them. */
public final class TypedEvents {

  private static final ClassLoader LOADER = TypedEvents.class.getClassLoader();

  private TypedEvents() {}

  /** The event as a function URL would send it; {@code null} is JSON's. */
  public static String json(@Nullable APIGatewayV2HTTPEvent event) {
    if (event == null) {
      return "null";
    }
    var json = new ByteArrayOutputStream();
    events().toJson(event, json);
    return json.toString(StandardCharsets.UTF_8);
  }

  public static APIGatewayV2HTTPResponse answer(
      RequestStreamHandler handler, @Nullable APIGatewayV2HTTPEvent event, Context context) {
    return answer(
        handler, new ByteArrayInputStream(json(event).getBytes(StandardCharsets.UTF_8)), context);
  }

  public static APIGatewayV2HTTPResponse answer(
      RequestStreamHandler handler, InputStream event, Context context) {
    var answer = new ByteArrayOutputStream();
    try {
      handler.handleRequest(event, answer, context);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return LambdaEventSerializers.serializerFor(APIGatewayV2HTTPResponse.class, LOADER)
        .fromJson(new ByteArrayInputStream(answer.toByteArray()));
  }

  @SuppressWarnings("unchecked")
  private static PojoSerializer<APIGatewayV2HTTPEvent> events() {
    return LambdaEventSerializers.serializerFor(APIGatewayV2HTTPEvent.class, LOADER);
  }
}
